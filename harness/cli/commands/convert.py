"""`k210 convert IN OUT`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options

VERSIONS = {"v3": 3, "v4": 4}


def _complete_version(incomplete: str) -> list[str]:
    return [version for version in VERSIONS if version.startswith(incomplete)]


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A kmodel of a newer version.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File to write.")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="v3|v4",
            help="Version; without it what --firmware loads.",
            autocompletion=_complete_version,
        ),
    ] = "",
    firmware: options.Firmware = "",
    last_bit: Annotated[
        bool,
        typer.Option(
            "--allow-last-bit",
            help="Also convert what may differ in the last bit, and list it.",
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Write a kmodel in an older version, for stock MaixPy and CanMV: the same bits.

    Every operation is rewritten to what provably gives the same bits, or refused by name. What
    the model needs of the board is checked before anything is written.

    Examples:

        k210 convert model.kmodel model.v4.kmodel --to v4

        k210 convert model.kmodel model.v3.kmodel --firmware maixpy-0.6-minimum
    """
    from harness.cli.console import print_json
    from harness.cli.conversion import document, show_converted
    from harness.errors import UsageError
    from harness.kmodel.firmware import firmware_named
    from harness.pipeline.conversion import convert_file

    target = firmware_named(firmware) if firmware else None
    if to and to not in VERSIONS:
        raise UsageError(f"nothing converts to {to!r}", f"choose from: {', '.join(VERSIONS)}")
    converted = convert_file(source, out, VERSIONS.get(to), target, allow_last_bit=last_bit)
    if as_json:
        print_json(document(converted))
    else:
        show_converted(converted)
