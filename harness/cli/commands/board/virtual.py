"""`k210 board virtual`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.board.virtual.profile import DEFAULT, PROFILES
from harness.cli import options


def _profiles(incomplete: str) -> list[str]:
    return [name for name in PROFILES if name.startswith(incomplete)]


def _faults(incomplete: str) -> list[str]:
    from harness.board.virtual.fault_plan import KINDS

    return [kind for kind in KINDS if kind.startswith(incomplete)]


def virtual(
    profile: Annotated[
        str,
        typer.Option(
            help=f"Board and firmware: {', '.join(PROFILES)}.",
            metavar="NAME",
            autocompletion=_profiles,
        ),
    ] = DEFAULT,
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
    baud: Annotated[
        int, typer.Option(help="115200, or 0 for a line on which bytes take no time.")
    ] = 115200,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND[:OPTION=VALUE,…]",
            help="What goes wrong, e.g. garble:seed=7; may be given several times.",
            autocompletion=_faults,
        ),
    ] = None,
    fault_log: Annotated[
        Path | None, typer.Option(help="File that takes a line of JSON for each fault.")
    ] = None,
    timing: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Timing profile of k210 fit; else published figures."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Start a virtual board, print its port, and stay until interrupted.

    It is MicroPython on a pseudo-terminal with the K210's modules behind it, no hardware: KPU
    computes with the kpu simulator.

    Faults strike at places that the seed decides, so that they can be played again; those that
    struck are printed at the end. Kinds: lose, garble, stall, reset, unplug, wedge, kpu, memory,
    full, any.

    Examples:

        k210 board virtual

        k210 board virtual --fault reset:every=20000,seed=3 --fault garble:every=5000

        k210 board virtual --profile canmv --files board/ --lcd shown/
    """
    from harness.board.virtual import start
    from harness.cli.console import print_json, show_line
    from harness.errors import BoardError

    with start(
        profile,
        files,
        frames=frames,
        lcd=lcd,
        card=card,
        baud=baud,
        faults=fault or (),
        fault_log=fault_log,
        timing=timing,
    ) as board:
        if as_json:
            folders = {"flash": board.flash, "sd": board.sd, "lcd": board.lcd}
            told = {"kind": "virtual", "port": board.port, "profile": profile, "pid": board.pid}
            told["power_command"] = board.power_command
            print_json({**told, **{name: str(path) for name, path in folders.items() if path}})
        else:
            pace = "115200 baud" if baud else "without a pace"
            show_line(f"virtual board {profile} on {board.port}, {pace}; Ctrl-C ends it")
            show_line(f"power hook: {board.power_command}")
        try:
            code = board.wait()
        finally:
            for strike in board.strikes():
                sys.stderr.write("fault {number}: {what} ({kind}, {unit} {at})\n".format(**strike))
        if code:
            raise BoardError(
                f"the virtual board ended with {code}", "see what its process wrote to stderr"
            )
