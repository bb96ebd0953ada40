"""The `k210` command, and how every failure ends: one line on stderr and an exit code.

Exit codes: 0 done and within tolerance; 1 done, but outside tolerance; 2 any error;
130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated

import click
import typer

import harness
from harness.cli.commands import register
from harness.errors import HarnessError

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="k210",
    help="Does the model on the K210 still do what the PyTorch model does, and how fast?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"k210-harness {harness.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


register(app)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; errors go to stderr in one line."""
    try:
        result = app(arguments, prog_name="k210", standalone_mode=False)
        if result == EXIT_INTERRUPTED:  # Typer turns Ctrl-C into this
            return _fail("interrupted", EXIT_INTERRUPTED)
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        typer.echo(error.ctx.get_help() if error.ctx else str(error))
        return EXIT_ERROR
    except click.ClickException as error:
        return _fail(f"{error.format_message()} → see k210 --help", EXIT_ERROR)
    except HarnessError as error:
        _show_output(error.output)
        return _fail(str(error), EXIT_ERROR)
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        return _fail(f"{named}{error.strerror or error}", EXIT_ERROR)
    except Exception as error:
        if not os.environ.get("K210_DEBUG"):
            return _fail(
                f"unexpected {type(error).__name__}: {error} → set K210_DEBUG=1 for the traceback",
                EXIT_ERROR,
            )
        traceback.print_exc()
        return EXIT_ERROR


def _fail(text: str, code: int) -> int:
    typer.echo(f"k210: {' '.join(text.split())}", err=True)
    return code


def _show_output(output: str) -> None:
    # What an outside program said is long; the one line on stderr stays one line without this.
    if output and os.environ.get("K210_DEBUG"):
        typer.echo(output, err=True)
