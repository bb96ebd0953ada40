"""What files and inferences survive, and how soon a dead board is known: counts, not speeds.

Files are of 16 KB or less and inputs of 3 KB, on virtual boards whose line is unpaced.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.bench.bad_line import WINDOW, BadLine, cut_once, send_badly
from harness.bench.fault_rows import DeadBoardRow, Row, RunFaultRow, TransferFaultRow
from harness.board import virtual
from harness.board.board import Board
from harness.board.pixels import on_grid
from harness.board.recovery.recover import LostBoardError
from harness.board.runner import Results, Runner
from harness.compiler.lower import to_nncase_dialect
from harness.compiler.source import source_of_module
from harness.compiler.worker.client import Worker
from harness.convert import convert
from harness.errors import BoardError
from harness.kmodel import load, save
from harness.method import InputContract
from harness.progress import SILENT, Progress
from harness.simulator import Simulator

if TYPE_CHECKING:
    from torch import nn

SHARE = 0.05
EVERY = 50
SHAPE = (3, 32, 32)
SEED = 5
# One cut in so many is followed by a reset.
_RESETS = 10
_DIES_AFTER_BLOCKS = 3
_MODEL_SEED = 0


@dataclass(frozen=True)
class Amount:
    """How much of each."""

    cuts: int = 100
    bad_transfers: int = 100
    inferences: int = 1000


FULL = Amount()
QUICK = Amount(cuts=10, bad_transfers=10, inferences=100)


def bench_faults(amount: Amount = FULL, progress: Progress = SILENT) -> list[Row]:
    """Count what survives; takes some seven minutes, or one with `QUICK`.

    Raises:
        SetupError: nncase, which compiles the small network, is missing.
        BoardError: The virtual board does not start, or a model does not open.
    """
    kmodel = small_kmodel()
    return [
        cuts(amount.cuts, progress),
        bad_transfers(amount.bad_transfers, progress),
        inferences(kmodel, amount.inferences, progress),
        _dead("dead_board_in_a_transfer", dead_in_a_transfer),
        _dead("dead_board_in_a_run", lambda: dead_in_a_run(kmodel)),
    ]


def _dead(name: str, work: Callable[[], float]) -> DeadBoardRow:
    try:
        return DeadBoardRow(name, work())
    except BoardError as error:
        return DeadBoardRow(name, None, str(error))


def cuts(count: int, progress: Progress = SILENT) -> TransferFaultRow:
    """Cut transfers at random moments, and go on."""
    twice: list[int] = []
    started = time.monotonic()
    with virtual.start(baud=0) as board, progress.task("cuts", count) as task:
        for seed in range(count):
            try:
                twice.append(cut_once(board, seed, reset=seed % _RESETS == 0))
            except BoardError as error:
                progress.say(f"seed {seed}: {error}")
            task.advance()
    seconds, most = time.monotonic() - started, max(twice, default=0)
    return TransferFaultRow("cut_transfers", count, len(twice), count, most, WINDOW, seconds)


def bad_transfers(count: int, progress: Progress = SILENT) -> TransferFaultRow:
    """Send files through a line that loses or garbles every twentieth block and answer."""
    struck: list[int] = []
    started = time.monotonic()
    with virtual.start(baud=0) as board, progress.task("bad line", count) as task:
        for seed in range(count):
            try:
                struck.append(send_badly(board, seed, SHARE))
            except BoardError as error:
                progress.say(f"seed {seed}: {error}")
            task.advance()
    seconds, name = time.monotonic() - started, f"transfers_losing_{SHARE:.0%}"
    name = name.replace("%", "_percent")
    return TransferFaultRow(name, count, len(struck), sum(struck), None, WINDOW, seconds)


def inferences(kmodel: bytes, count: int, progress: Progress = SILENT) -> RunFaultRow:
    """Run different inputs through resets, stalls, unplugs, lost bytes and errors of the KPU.

    A board that is lost is a row that says so: the others are not for that to be lost, too.
    """
    inputs, found, failure = _inputs(count), None, ""
    fault = f"any:every={EVERY},unit=runs,seed={SEED},seconds=0.5"
    started = time.monotonic()
    with virtual.start(baud=0, faults=[fault]) as board:
        opened = Board.open(board.port)
        try:
            with Runner(opened, kmodel, patience=3.0) as runner:
                found = runner.run(inputs, progress=progress)
        except BoardError as error:
            failure = str(error)
        finally:
            opened.close()
        seconds, struck = time.monotonic() - started, len(board.strikes())
    return RunFaultRow(
        f"inferences_fault_every_{EVERY}",
        count,
        len(found.microseconds) if found else 0,
        _bit_equal(kmodel, inputs, found) if found else 0,
        struck,
        len(opened.recoveries),
        seconds,
        failure,
    )


def dead_in_a_transfer() -> float:
    """Stop a board in the middle of a file, and return the seconds until that is known."""
    died: list[float] = []
    with virtual.start(baud=0) as board, Board.open(board.port) as opened:
        left = iter(range(_DIES_AFTER_BLOCKS))

        def stop() -> None:
            if next(left, None) is None and not died:
                os.kill(board.pid, signal.SIGSTOP)
                died.append(time.monotonic())

        line = BadLine(opened.repl.line, random.Random(SEED), on_block=stop)
        opened.repl.line = line  # type: ignore[assignment]
        try:
            opened.write("/sd/dead.bin", random.Random(SEED).randbytes(8192))
        except BoardError:
            return time.monotonic() - died[0]
        finally:
            os.kill(board.pid, signal.SIGCONT)
    raise BoardError("a board that was stopped has taken a file")


def dead_in_a_run(kmodel: bytes) -> float:
    """Wedge a board in a run, and return the seconds until it is to be brought back."""
    known: list[float] = []

    def revive(why: str, wait: float | None = None) -> str:  # noqa: ARG001
        known.append(time.time())
        raise LostBoardError(why)

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "faults.jsonl"
        fault = f"wedge:every=4,unit=runs,most=1,seed={SEED}"
        with virtual.start(baud=0, faults=[fault], fault_log=log) as board:
            opened = Board.open(board.port)
            opened.revive = revive  # type: ignore[method-assign]
            try:
                with Runner(opened, kmodel) as runner:
                    runner.run(_inputs(5))
            except LostBoardError:
                return known[0] - log.stat().st_mtime
            finally:
                opened.close()
    raise BoardError("a board that was wedged has run all inputs")


def small_kmodel() -> bytes:
    """Compile a small network for pictures of 32x32, and return it as kmodel v4."""
    contract = InputContract(SHAPE)
    source = source_of_module(_small_network(), "small", contract, ("y",))
    with Worker() as worker:
        compiled = worker.compile(
            to_nncase_dialect(source.data),
            "onnx",
            input_shape=(1, *SHAPE),
            input_range=(0.0, 1.0),
            calibration=np.random.default_rng(SEED).integers(0, 256, (8, *SHAPE), np.uint8),
        )
    return save(convert(load(compiled.kmodel), 4).program)


def _small_network() -> nn.Module:
    import torch
    from torch import nn

    with torch.random.fork_rng():
        torch.manual_seed(_MODEL_SEED)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * 8 * 8, 10),
        ).eval()


def _inputs(count: int) -> np.ndarray:
    """Return different pictures [N, 3, 32, 32] with the colours that a board keeps."""
    rng = np.random.default_rng(SEED)
    return on_grid(rng.integers(0, 256, (count, *SHAPE), np.uint8))


def _bit_equal(kmodel: bytes, inputs: np.ndarray, found: Results) -> int:
    wanted = [value.numpy() for value in Simulator(load(kmodel))(inputs).values()]
    return sum(
        all(
            ours[at].tobytes() == theirs[at].tobytes()
            for ours, theirs in zip(found.outputs, wanted, strict=True)
        )
        for at in range(len(found.microseconds))
    )
