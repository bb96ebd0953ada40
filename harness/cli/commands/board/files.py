"""`k210 board put`, `get`, `ls`, `rm` and `df`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options
from harness.cli.commands.board.options import Port, board

Remote = Annotated[str, typer.Argument(metavar="REMOTE", help="Path on the board.")]


def put(
    local: Annotated[Path, typer.Argument(metavar="LOCAL", help="File here.")],
    remote: Annotated[
        str, typer.Argument(metavar="REMOTE", help="Path on the board; a folder ends in /.")
    ] = "/sd/",
    port: Port = "auto",
    as_json: options.Json = False,
) -> None:
    """Send a file to a board; there it appears whole or not at all.

    A kmodel that the firmware cannot load is refused before anything is sent.

    Examples:

        k210 board put model.v4.kmodel /sd/model.kmodel

        k210 board put boot.py /flash/ --board /dev/ttyUSB0
    """
    import time

    from harness.cli.console import TerminalProgress, print_json, show_line

    data = local.read_bytes()
    path = remote + local.name if remote.endswith("/") else remote
    with board(port) as found:
        if path.endswith(".kmodel"):
            found.info.refuse_unloadable(data, str(local))
        started = time.monotonic()
        found.write(path, data, TerminalProgress())
        seconds = time.monotonic() - started
    if as_json:
        print_json({"path": path, "bytes": len(data), "seconds": round(seconds, 3)})
    else:
        show_line(f"{path}: {len(data)} bytes in {seconds:.1f} s")


def get(
    remote: Remote,
    local: Annotated[
        Path | None, typer.Argument(metavar="LOCAL", help="File or folder here; by default here.")
    ] = None,
    port: Port = "auto",
    as_json: options.Json = False,
) -> None:
    """Fetch a file from a board.

    Examples:

        k210 board get /sd/train/1/1.jpg

        k210 board get /flash/boot.py saved/boot.py --json
    """
    from harness.cli.console import TerminalProgress, print_json, show_line
    from harness.errors import UsageError
    from harness.files import write_bytes

    name = remote.rpartition("/")[2]
    target = (local / name if local.is_dir() else local) if local else Path(name)
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}", "make it first, or name another")
    with board(port) as found:
        data = found.read(remote, TerminalProgress())
    write_bytes(target, data)
    if as_json:
        print_json({"path": str(target), "bytes": len(data)})
    else:
        show_line(f"{target}: {len(data)} bytes")


def ls(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Folder on the board.")] = "/",
    port: Port = "auto",
    as_json: options.Json = False,
) -> None:
    """List a folder of a board.

    Examples:

        k210 board ls

        k210 board ls /sd --json
    """
    from dataclasses import asdict

    from harness.board.files import listed
    from harness.cli.console import print_json, show_line

    with board(port) as found:
        entries = listed(found, folder)
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    for entry in entries:
        size = "" if entry.is_folder or entry.size < 0 else str(entry.size)
        show_line(f"{size:>10}  {entry.name}{'/' if entry.is_folder else ''}")


def rm(remote: Remote, port: Port = "auto", as_json: options.Json = False) -> None:
    """Remove a file, or an empty folder, of a board.

    Examples:

        k210 board rm /sd/old.kmodel
    """
    from harness.board.files import remove
    from harness.cli.console import print_json, show_line

    with board(port) as found:
        remove(found, remote)
    if as_json:
        print_json({"removed": remote})
    else:
        show_line(f"{remote}: removed")


def df(port: Port = "auto", as_json: options.Json = False) -> None:
    """Say how much room a board's file systems have.

    Examples:

        k210 board df
    """
    from dataclasses import asdict

    from harness.board.files import file_systems
    from harness.cli.console import print_json, show_line

    with board(port) as found:
        systems = file_systems(found)
    if as_json:
        print_json([asdict(system) for system in systems])
        return
    for system in systems:
        show_line(f"{system.path:<8} {system.free} of {system.size} bytes free")
    if not systems:
        show_line("this firmware does not say how much room it has")
