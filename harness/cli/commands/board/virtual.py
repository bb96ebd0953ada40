"""`k210 board virtual`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options

PROFILES = ("m5stickv-0.6", "m5stickv-0.4.0", "bit", "canmv", "modern")


def _profiles(incomplete: str) -> list[str]:
    return [name for name in PROFILES if name.startswith(incomplete)]


def virtual(
    profile: Annotated[
        str, typer.Option(help="Board and firmware.", metavar="NAME", autocompletion=_profiles)
    ] = PROFILES[0],
    files: Annotated[
        Path | None,
        typer.Option(help="Folder with flash/ and sd/ in it, which the board reads and writes."),
    ] = None,
    frames: Annotated[
        Path | None, typer.Option(help="Folder of pictures that the camera sees in turn.")
    ] = None,
    lcd: Annotated[
        Path | None, typer.Option(help="Folder for what the display shows, as PNG files.")
    ] = None,
    card: Annotated[bool, typer.Option(help="Whether an SD card is in.")] = True,
    as_json: options.Json = False,
) -> None:
    """Start a virtual board, print its port, and stay until interrupted.

    It is MicroPython on a pseudo-terminal with the K210's modules behind it, no hardware: KPU
    computes with the kpu simulator. Profiles: m5stickv-0.6, m5stickv-0.4.0, bit, canmv, modern.

    Examples:

        k210 board virtual

        k210 board virtual --profile canmv --files board/ --lcd shown/
    """
    from harness.board.virtual import start
    from harness.cli.console import print_json, show_line
    from harness.errors import BoardError

    with start(profile, files, frames=frames, lcd=lcd, card=card) as board:
        if as_json:
            folders = {"flash": board.flash, "sd": board.sd, "lcd": board.lcd}
            told = {"kind": "virtual", "port": board.port, "profile": profile, "pid": board.pid}
            print_json({**told, **{name: str(path) for name, path in folders.items() if path}})
        else:
            show_line(f"virtual board {profile} on {board.port}, 115200 baud; Ctrl-C ends it")
        if code := board.wait():
            raise BoardError(
                f"the virtual board ended with {code}", "see what its process wrote to stderr"
            )
