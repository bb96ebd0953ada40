"""`k210 setup`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli import options

if TYPE_CHECKING:
    from harness.progress import Progress


def setup(as_json: options.Json = False) -> None:
    """Make the environment that nncase runs in, and the virtual board. Again does nothing.

    nncase 1.9 has wheels for CPython 3.7 to 3.10 only. This looks for such a Python, and installs
    nncase for it into the user's cache folder. The virtual board's MicroPython comes from npm and
    runs on Node; without Node everything but the virtual board works.

    Examples:

        k210 setup

        K210_NNCASE_PYTHON=/opt/python3.10/bin/python k210 setup
    """
    from harness.cli.console import TerminalProgress, print_json, show_line
    from harness.compiler.worker import environment

    progress = TerminalProgress()
    made = environment.ensure(progress)
    problem = _virtual_board(progress)
    if as_json:
        nncase = environment.NNCASE_VERSION
        told = {"python": str(made.python), "nncase": nncase, "virtual_board": not problem}
        print_json({**told, **({"virtual_board_problem": problem} if problem else {})})
        return
    show_line(f"nncase {environment.NNCASE_VERSION} is ready: {made.python}")
    show_line(f"the virtual board is not: {problem}" if problem else "the virtual board is ready")


def _virtual_board(progress: Progress) -> str:
    """Fetch MicroPython, and return why that failed, or nothing."""
    from harness.board.virtual import installation
    from harness.errors import SetupError
    from harness.files import cache_folder

    try:
        installation.find_node()
        for engine in installation.PACKAGES:
            installation.ensure(engine, cache_folder(), progress)
    except SetupError as error:
        return str(error)
    return ""
