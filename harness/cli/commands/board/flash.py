"""`k210 board flash`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options
from harness.cli.commands.board.options import Port


def flash(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Firmware .bin, or a .kmodel.")],
    address: Annotated[
        str, typer.Option("--at", metavar="ADDRESS", help="Where a kmodel goes, such as 0x300000.")
    ] = "",
    kind: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Wiring: dan, bit, kd233, goE, goD and others."),
    ] = None,
    baud: Annotated[int, typer.Option(help="Speed of the flash program.")] = 115200,
    chip: Annotated[int, typer.Option(help="1: on the board, 0: inside.")] = 1,
    limit: Annotated[
        float | None, typer.Option(min=1.0, help="Seconds that it may take; else by the size.")
    ] = None,
    port: Port = "auto",
    as_json: options.Json = False,
) -> None:
    """Write firmware, or a kmodel at an address, to a board's flash chip with kflash.

    Addresses that overlap the firmware or the file system at 0xD00000 are refused.

    Examples:

        k210 board flash maixpy_v0.6.2_m5stickv.bin --kind goE --baud 1500000

        k210 board flash model.v4.kmodel --at 0x300000
    """
    from harness.board.choose import VIRTUAL, resolve
    from harness.board.flash.flasher import Settings, flash_firmware, flash_model
    from harness.cli.console import TerminalProgress, print_json, show_line
    from harness.errors import UsageError

    if file.suffix == ".kmodel" and not address:
        raise UsageError("a kmodel needs an address", "--at 0x300000")
    place = _address(address) if address else 0
    chosen = resolve(port)
    if chosen == VIRTUAL:
        raise UsageError("a virtual board has no boot ROM to flash by", "name a board's port")
    settings = Settings(chosen, kind, baud, chip, limit)
    if address:
        flash_model(file, place, settings, TerminalProgress())
    else:
        flash_firmware(file, settings, TerminalProgress())
    if as_json:
        print_json({"port": chosen, "file": str(file), "address": place})
    else:
        show_line(f"{chosen}: {file} is at {place:#x}")


def _address(text: str) -> int:
    from harness.errors import UsageError

    try:
        return int(text, 0)
    except ValueError as error:
        raise UsageError(f"{text!r} is no address", "such as 0x300000") from error
