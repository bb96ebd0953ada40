"""The `k210` command, and how every failure ends: one line on stderr and an exit code.

Exit codes: 0 done and within tolerance; 1 done, but outside tolerance; 2 any error;
130 interrupted.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from types import FrameType
from typing import Annotated

import typer
from typer.exceptions import TyperException

import harness
from harness.cli.commands import register
from harness.cli.help_text import reflow
from harness.errors import HarnessError

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130
# As a shell reports a process that a closed pipe ended; 1 would read as "outside tolerance".
EXIT_CLOSED_PIPE = 141
EXIT_TERMINATED = 143

_REMEDIES: dict[type[OSError], str] = {
    FileNotFoundError: " → check the path",
    IsADirectoryError: " → name a file in it",
    NotADirectoryError: " → check the path",
    PermissionError: " → choose another place, or give the permission",
}
_FULL = " → make room and give the same command again; what was there before is as it was"
_REMEDIES_BY_NUMBER = {number: _FULL for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)}

app = typer.Typer(
    name="k210",
    help="Does the model on the K210 still do what the PyTorch model does, and how fast?",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"k210-harness {harness.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  handled by its callback
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


register(app)
reflow(app)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    code = run(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _closed_pipe()
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; errors go to stderr in one line."""
    try:
        result = app(arguments, prog_name="k210", standalone_mode=False)
        if result == EXIT_INTERRUPTED:  # Typer turns Ctrl-C into this
            return _fail("interrupted", EXIT_INTERRUPTED)
        return result if isinstance(result, int) else 0
    except TyperException as error:
        return _fail(f"{error.format_message()} → see k210 --help", EXIT_ERROR)
    except HarnessError as error:
        if os.environ.get("K210_DEBUG"):
            typer.echo(error.output, err=True)
        return _fail(str(error), EXIT_ERROR)
    except BrokenPipeError:
        return _closed_pipe()
    except SystemExit as error:  # Typer leaves so, too, when stdout is closed
        return EXIT_TERMINATED if error.code == EXIT_TERMINATED else _closed_pipe()
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        remedy = _REMEDIES.get(type(error)) or _REMEDIES_BY_NUMBER.get(error.errno or 0, "")
        return _fail(f"{named}{error.strerror or error}{remedy}", EXIT_ERROR)
    except Exception as error:
        return _unexpected(error)


def _unexpected(error: Exception) -> int:
    if os.environ.get("K210_DEBUG"):
        traceback.print_exc()
    name = type(error).__name__
    return _fail(f"unexpected {name}: {error} → set K210_DEBUG=1 for the traceback", EXIT_ERROR)


def _fail(text: str, code: int) -> int:
    typer.echo(f"k210: {' '.join(text.split())}", err=True)
    return code


def _closed_pipe() -> int:
    # Python flushes stdout once more at exit, and would complain there.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_CLOSED_PIPE


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    # Leave as after an exit, so that the nncase process and its folder go too.
    sys.exit(EXIT_TERMINATED)
