"""`k210 setup`."""

from __future__ import annotations

from harness.cli import options


def setup(as_json: options.Json = False) -> None:
    """Make the environment that nncase runs in. Once is enough; again does nothing.

    nncase 1.9 has wheels for CPython 3.7 to 3.10 only. This looks for such a Python, and installs
    nncase for it into the user's cache folder.

    Examples:

        k210 setup

        K210_NNCASE_PYTHON=/opt/python3.10/bin/python k210 setup
    """
    from harness.cli.console import TerminalProgress, print_json, show_line
    from harness.compiler.worker import environment

    made = environment.ensure(TerminalProgress())
    if as_json:
        print_json({"python": str(made.python), "nncase": environment.NNCASE_VERSION})
    else:
        show_line(f"nncase {environment.NNCASE_VERSION} is ready: {made.python}")
