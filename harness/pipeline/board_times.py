"""Times that a board took for the models of finished runs."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from harness.errors import RunFolderError
from harness.kmodel import Program, load
from harness.report.schema import read_report
from harness.timing.boards import BOARDS, DEFAULT, Board

_SHA256 = re.compile(r"sha256 ([0-9a-f]{64})")
# What firmware says of its machine, and the board that it runs on.
_MACHINES = {"M5Stick": "m5stickv", "CanMV": "canmv-k210"}


@dataclass(frozen=True)
class BoardTime:
    """One run on a board.

    Attributes:
        label: Name of the run folder.
        program: The kmodel that was sent.
        ms: Median time of an inference, by the board's clock.
        board: Which board its firmware says that it is.
        kind: "real", "remote" or "virtual".
        serial_number: Of the board, as its port tells it; empty where it does not.
    """

    label: str
    program: Program
    ms: float
    board: Board
    kind: str
    serial_number: str


def board_time(folder: Path) -> BoardTime:
    """Read the time of a run.

    Raises:
        RunFolderError: It is no finished run, no board ran in it, or the kmodel is not there.
    """
    report = read_report(folder)
    backend = report.backends.get("board")
    if report.board is None or backend is None or backend.latency_ms is None:
        raise RunFolderError(
            f"{folder}: no board ran here", "run again with --backends float,board"
        )
    return BoardTime(
        folder.name,
        _sent(folder, report.board.kmodel),
        backend.latency_ms.p50,
        board_of_machine(report.board.machine),
        report.board.kind,
        report.board.serial_number or "",
    )


def board_of_machine(machine: str) -> Board:
    """Return the board that a firmware's name of its machine stands for."""
    found = (name for word, name in _MACHINES.items() if word in machine)
    return BOARDS[next(found, DEFAULT)]


def _sent(folder: Path, described: str) -> Program:
    wanted = _SHA256.search(described)
    for path in sorted(folder.glob("*.kmodel")):
        data = path.read_bytes()
        if wanted and hashlib.sha256(data).hexdigest() == wanted[1]:
            return load(data)
    raise RunFolderError(
        f"{folder}: the kmodel that the board ran ({described}) is not in the folder",
        "name folders as k210 run leaves them",
    )
