"""`k210 board list` and `k210 board info`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options
from harness.cli.commands.board.options import Port, board

if TYPE_CHECKING:
    from harness.board.discovery import Found
    from harness.board.info import BoardInfo


def list_boards(
    probe: Annotated[
        bool,
        typer.Option("--probe", help="Ask each board who it is; this stops what runs on it."),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """List the ports that K210 boards may be on, by their USB ids, and virtual boards that run.

    Examples:

        k210 board list

        k210 board list --probe --json
    """
    from dataclasses import asdict

    from harness.board.discovery import boards, probed
    from harness.board.whereabouts import virtual_boards
    from harness.cli.commands.board.options import log
    from harness.cli.console import print_json

    there = boards() + virtual_boards()
    found = [probed(one, log) if probe else one for one in there]
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        _show_list(found)


def _show_list(found: list[Found]) -> None:
    from rich.table import Table
    from rich.text import Text

    from harness.cli.console import show_line, show_table

    if not found:
        show_line("no K210 board is on a USB port of this machine, and no virtual board runs")
        return
    table = Table()
    for column in ("port", "USB", "board, by its bridge", "serial number", "says"):
        table.add_column(column)
    for one in found:
        says = one.firmware or one.problem or ""
        words = (one.port, one.usb, " / ".join(one.boards), one.serial_number or "", says)
        table.add_row(*map(Text, words))
    show_table(table)


def info(port: Port = "auto", as_json: options.Json = False) -> None:
    """Ask a board for firmware, memory, file systems, and the kmodels that it loads.

    Examples:

        k210 board info

        k210 board info --board /dev/ttyUSB0 --json
    """
    from harness.cli.console import print_json

    with board(port) as found:
        answered = found.info
    if as_json:
        print_json(answered.document())
    else:
        _show_info(answered)


def _show_info(info: BoardInfo) -> None:
    from harness.cli.console import show_line

    systems = (f"{one.path}: {one.free} of {one.size} bytes free" for one in info.file_systems)
    versions = " and ".join(f"v{version}" for version in info.kmodel_versions)
    rows = {
        "port": f"{info.port} ({info.kind} board)",
        "firmware": info.firmware,
        "machine": info.machine,
        "MicroPython": f"{info.micropython} on {info.platform}",
        "heap": f"{info.heap_free} of {info.heap_total} bytes free",
        "model memory": f"{info.system_heap} bytes free" if info.system_heap else "not told",
        "files": "; ".join(systems) or "no file system that tells its size",
        "KPU module": info.kpu_api or "none",
        "kmodels": versions or "none",
        "modules": ", ".join(info.modules) or "none of those that the harness uses",
        "serial number": info.serial_number or "not told",
    }
    for name, text in rows.items():
        show_line(f"{name:<14} {text}")
