"""How fast files reach a board, beside mpremote on the same virtual board in the same run."""

from __future__ import annotations

import importlib.metadata
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from harness.bench.fault_rows import Row as FaultRow
from harness.bench.faults import FULL, Amount, bench_faults
from harness.board import virtual
from harness.board.board import Board
from harness.board.port import BAUD
from harness.board.transfer import Loader
from harness.board.virtual import VirtualBoard
from harness.errors import BoardError, SetupError
from harness.progress import SILENT, Progress

FAST = 1_500_000
FILE_BYTES = 512 * 1024
# mpremote at its own pace would take minutes for the whole file; its rate does not depend on it.
MPREMOTE_BYTES = 64 * 1024
UNCHANGED_BYTES = 1024 * 1024
MPREMOTE_LIMIT_S = 300.0
SEED = 0
REMOTE = "/sd/k210bench.bin"


@dataclass(frozen=True)
class PutRow:
    """A file that does not compress, put once onto a fresh virtual board that is open already.

    Sending the receiver and comparing the hash are part of it.

    Attributes:
        name: Of the row.
        baud: Bits a second of the line.
        bytes: Of the file.
        seconds: For all of it.
        kb_per_s: In 1000 bytes.
        line_rate_share: Of what base64 could carry at this speed: 3 bytes in 40 bits.
        bare_rate_share: Of what the line carries at this speed at all: 1 byte in 10 bits.
        mpremote_kb_per_s: With mpremote at 115200 baud, less the time that it takes to start and
            to connect.
        ratio_mpremote: How often ours is faster.
    """

    name: str
    baud: int
    bytes: int
    seconds: float
    kb_per_s: float
    line_rate_share: float
    bare_rate_share: float
    mpremote_kb_per_s: float
    ratio_mpremote: float


@dataclass(frozen=True)
class SkipRow:
    """A file that the board has already: its hash is read there, and nothing is sent."""

    name: str
    bytes: int
    seconds: float
    sent_bytes: int


@dataclass(frozen=True)
class Bench:
    """What one run measured.

    Attributes:
        mpremote: Its version.
        puts: Files that go.
        skips: Files that do not.
        faults: What comes through faults.
    """

    mpremote: str
    puts: list[PutRow]
    skips: list[SkipRow]
    faults: list[FaultRow]


def bench_board(amount: Amount = FULL, progress: Progress = SILENT) -> Bench:
    """Put files onto virtual boards at the line's pace, and count what survives faults.

    Takes a minute and a half for the files; for the faults see `bench_faults`.

    Raises:
        SetupError: mpremote is missing.
        BoardError: A transfer fails.
    """
    version = _mpremote_version()
    data = random.Random(SEED).randbytes(FILE_BYTES)
    mpremote = _mpremote_kb_per_s(data[:MPREMOTE_BYTES])
    puts = [
        _put(f"put_incompressible_{baud}", baud, rates, data, mpremote, progress)
        for baud, rates in ((BAUD, ()), (FAST, (FAST,)))
    ]
    return Bench(version, puts, [_skip(progress)], bench_faults(amount, progress))


def _put(
    name: str,
    baud: int,
    rates: tuple[int, ...],
    data: bytes,
    mpremote: float,
    progress: Progress,
) -> PutRow:
    with virtual.start() as board:
        seconds = _timed(board, data, Loader(rates), progress)
        _refuse_another(board, data)
    rate = len(data) / 1000 / seconds
    bare = rate * 1000 / (baud / 10)
    share = bare * 4 / 3
    return PutRow(name, baud, len(data), seconds, rate, share, bare, mpremote, rate / mpremote)


def _skip(progress: Progress) -> SkipRow:
    data = random.Random(SEED).randbytes(UNCHANGED_BYTES)
    with virtual.start(files={REMOTE: data}) as board:
        loader = Loader()
        seconds = _timed(board, data, loader, progress)
        _refuse_another(board, data)
    return SkipRow("put_unchanged_1mb", len(data), seconds, loader.sent)


def _timed(board: VirtualBoard, data: bytes, loader: Loader, progress: Progress) -> float:
    with Board.open(board.port) as opened:
        opened.transfer = loader
        started = time.monotonic()
        opened.write(REMOTE, data, progress)
        return time.monotonic() - started


def _mpremote_kb_per_s(data: bytes) -> float:
    with virtual.start() as board, tempfile.TemporaryDirectory() as folder:
        Board.open(board.port).close()  # mpremote hangs on a board that has not booted yet
        local = Path(folder) / Path(REMOTE).name
        local.write_bytes(data)
        connected = _mpremote_seconds(board, "exec", "pass")
        seconds = _mpremote_seconds(board, "cp", str(local), f":{REMOTE}") - connected
        _refuse_another(board, data)
    return len(data) / 1000 / seconds


def _mpremote_seconds(board: VirtualBoard, *arguments: str) -> float:
    command = [sys.executable, "-m", "mpremote", "connect", board.port, *arguments]
    started = time.monotonic()
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=MPREMOTE_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BoardError(
            f"mpremote had not ended after {MPREMOTE_LIMIT_S:g} s", "is the machine very busy?"
        ) from error
    if done.returncode:
        raise BoardError("mpremote failed", "see its output", output=done.stdout + done.stderr)
    return time.monotonic() - started


def _refuse_another(board: VirtualBoard, data: bytes) -> None:
    """Raise where the board does not have these bytes: a rate of something else is none."""
    if board.sd is None or (board.sd / Path(REMOTE).name).read_bytes() != data:
        raise BoardError("the file on the virtual board is not the one that was sent")


def _mpremote_version() -> str:
    try:
        return importlib.metadata.version("mpremote")
    except importlib.metadata.PackageNotFoundError as error:
        raise SetupError("mpremote is not installed", "pip install -e '.[dev]'") from error
