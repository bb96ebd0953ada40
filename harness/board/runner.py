"""Running a kmodel on a board: model and inputs go there, every output comes back to the bit."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

from harness.board.answers import DamagedAnswerError, Inference, OutputForm, expect, inference
from harness.board.checkpoint import Checkpoint, digest
from harness.board.failures import RefusedError, ScriptError
from harness.board.pixels import bmp
from harness.board.recovery.recover import LostBoardError
from harness.board.repl import INTERRUPT_S
from harness.board.scripts import script
from harness.errors import BoardError
from harness.kmodel import DType, Program, load
from harness.progress import SILENT, Progress

Array = npt.NDArray[Any]
Api = Literal["KPU", "maix.KPU"]

ATTEMPTS = 3
# How often one input is tried anew after the board had to be brought back.
REVIVALS = 4
# A model over 6 MiB of float code takes seconds on a K210; one that takes longer hangs.
RUN_SECONDS = 60.0
# A run that has died is noticed in this time: our choice, twice what a command at the prompt gets.
NOTICED_S = 10.0
# Behind it a Ctrl-C is tried, whose last round may begin when its time is nearly over and takes
# 0.6 s; the rest of the second is the host's.
PATIENCE_S = NOTICED_S - INTERRUPT_S - 1.0
# Somebody has to notice that a cable is out.
REPLUG_S = 60.0


class Waist(Protocol):
    """What the runner needs of a board: `harness.board.board.Board` has it."""

    def exec(self, code: str, timeout: float = ..., *, name: str = ...) -> str:
        """Run code and return what it printed."""

    def write(self, path: str, data: bytes, progress: Progress = ...) -> None:
        """Put a file onto the board."""

    def soft_reset(self) -> str:
        """Restart MicroPython."""

    def revive(self, why: str, wait: float | None = ...) -> str:
        """Bring the board back, and return what helped."""


@dataclass(frozen=True)
class Results:
    """What a board made of a batch.

    Attributes:
        outputs: One array [N, ...] an output, in file order.
        microseconds: int64 [N], the time of each run by the board's own clock.
    """

    outputs: tuple[Array, ...]
    microseconds: npt.NDArray[np.int64]


def output_forms(program: Program) -> tuple[OutputForm, ...]:
    """Return the outputs of a program as a firmware gives them.

    Raises:
        BoardError: One is neither float32 nor uint8.
    """
    forms: list[OutputForm] = []
    for port in program.outputs:
        if port.buffer.dtype not in (DType.F32, DType.U8):
            raise BoardError(
                f"{port.name} is {port.buffer.dtype.value}, and a board gives float32 or uint8"
            )
        is_float = port.buffer.dtype is DType.F32
        forms.append(OutputForm("f" if is_float else "B", port.buffer.shape))
    return tuple(forms)


class Runner:
    """One kmodel, open on a board. A context manager: it leaves the board at its REPL.

    Args:
        board: The board.
        kmodel: kmodel v3 or v4; whether the firmware loads it is for the caller to ask.
        api: Which KPU module the firmware has.
        folder: Folder on the board for the model and its inputs, such as "/sd".
        progress: Who is told.
        patience: Seconds that a run may be silent; three times the shortest one so far, if that is
            more. The first takes longer, where something is loaded.
        wait: Seconds to wait for a board that was pulled out.
    """

    def __init__(
        self,
        board: Waist,
        kmodel: bytes,
        api: Api = "KPU",
        folder: str = "/sd",
        progress: Progress = SILENT,
        patience: float = PATIENCE_S,
        wait: float = REPLUG_S,
    ) -> None:
        self.patience, self.wait = patience, wait
        self._shortest: float | None = None
        self.board, self.kmodel, self.api, self.folder = board, kmodel, api, folder
        self.progress = progress
        self.program = load(kmodel)
        self.forms = output_forms(self.program)
        self.sha256 = hashlib.sha256(kmodel).hexdigest()
        self.path = f"{folder}/k210-{self.sha256[:8]}.kmodel"

    def __enter__(self) -> Self:
        self._open()
        return self

    def _open(self) -> None:
        self.board.write(self.path, self.kmodel, self.progress)
        self.board.exec(script("infer.py"), name="infer.py")
        outputs = [self._told(form) for form in self.forms]
        asked = self.api, self.path, outputs
        opened = self.board.exec(f"open_model{asked!r}", timeout=RUN_SECONDS)
        expect(opened, f"open {asked!r}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, LostBoardError):
            return
        # What went wrong before counts more than that the board cannot tidy up after it.
        with suppress(BoardError):
            self.board.exec("close_model()", timeout=self.patience)

    def run(
        self,
        inputs: Array,
        *,
        identity: Mapping[str, str] = MappingProxyType({}),
        checkpoint: Path | None = None,
        progress: Progress = SILENT,
    ) -> Results:
        """Run a batch, one input at a time, through faults of link and board.

        A board that falls silent is brought back, see `harness.board.recovery`; the run goes on
        with the input that it was at. Each result is kept at once.

        Args:
            inputs: uint8 or float32 [N, C, H, W].
            identity: Whose results a checkpoint holds, beside the kmodel's: `BoardInfo.identity`.
            checkpoint: File that keeps results until the batch is complete.
            progress: Who is told.

        Raises:
            BoardError: The board refuses, or its answers come damaged three times in a row.
        """
        subject = {"kmodel": self.sha256, "api": self.api, **identity}
        kept = Checkpoint(checkpoint, subject, self.forms)
        found: list[Inference] = []
        with progress.task("board", len(inputs)) as task:
            for x in inputs:
                key = digest(x)
                result = kept.get(key)
                if result is None:
                    result = self._infer_surely(x)
                    kept.put(key, result)
                found.append(result)
                task.advance()
        kept.finish()
        return self._results(found)

    def _infer_surely(self, x: Array) -> Inference:
        """Run one input, and where the board falls silent, forgets or fails, bring it back first.

        Raises:
            RefusedError: There is no room for the input, which no reset changes.
            BoardError: It does not come back, or the input fails each time.
        """
        trouble: BoardError | None = None
        for attempt in range(REVIVALS + 1):
            try:
                if trouble is not None:
                    self._come_back(trouble)
                limit = max(self.patience, 3 * (self._shortest or 0.0))
                return self.infer(x, limit * 2**attempt)
            except (LostBoardError, RefusedError):
                raise
            except BoardError as error:
                trouble = error
        assert trouble
        raise trouble

    def _come_back(self, trouble: BoardError) -> None:
        """Bring the board to where it was: at its REPL, with nothing but our model in memory."""
        helped = "interrupt"
        if not isinstance(trouble, (ScriptError, DamagedAnswerError)):
            helped = self.board.revive(trouble.cause, self.wait)
        if helped == "interrupt":
            try:
                self.board.soft_reset()
            except BoardError as error:
                self.board.revive(error.cause, self.wait)
        self._open()

    def infer(self, x: Array, seconds: float = RUN_SECONDS) -> Inference:
        """Run one input [C, H, W], for so long at the most; ask again where the answer is damaged.

        Raises:
            BoardError: The board refuses, is silent, or its answers come damaged three times.
        """
        path = self.put(x, 0)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                started = time.monotonic()
                printed = self.board.exec(f"infer({path!r})", timeout=seconds)
                found = inference(printed, self.forms, path)
                seconds_taken = time.monotonic() - started
                self._shortest = min(self._shortest or seconds_taken, seconds_taken)
                return found
            except DamagedAnswerError:
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def put(self, x: Array, place: int) -> str:
        """Put an input [C, H, W] onto the board and return its path there."""
        suffix, data = self._file(x)
        path = f"{self.folder}/k210-in{place}{suffix}"
        self.board.write(path, data, SILENT)
        return path

    def _file(self, x: Array) -> tuple[str, bytes]:
        if self.api == "maix.KPU":
            return ".bin", np.ascontiguousarray(x).tobytes()
        if x.dtype == np.float32:
            return ".f32", x.astype("<f4").tobytes()
        return ".bmp", bmp(x)

    def _told(self, form: OutputForm) -> tuple[str, int, tuple[int, int, int] | tuple[()]]:
        """Return what infer.py has to know of an output.

        MaixPy has to be told the shapes of v4 outputs, and takes all of them for floats; CanMV
        takes all outputs for floats.
        """
        if self.program.version == 3 and self.api == "KPU":
            return form.form, form.count, ()
        if form.form != "f":
            raise BoardError(
                "the firmware hands out this model's outputs as floats, and one is uint8",
                "let the model end with a dequantisation: Program.until(layer, as_float=True)",
            )
        if self.api != "KPU":
            return form.form, form.count, ()
        return form.form, form.count, _three_axes(form.shape)

    def _results(self, found: Sequence[Inference]) -> Results:
        outputs = tuple(
            np.concatenate([one.outputs[index] for one in found])
            if found
            else np.zeros((0, *form.shape[1:]), form.dtype)
            for index, form in enumerate(self.forms)
        )
        return Results(outputs, np.array([one.microseconds for one in found], np.int64))


def _three_axes(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (w, h, channels) of an output; each has to stay below 2^16."""
    if len(shape) == 4 and shape[0] == 1:
        _, channels, height, width = shape
        return width, height, channels
    count = prod(shape)
    height = next(n for n in range(1, count + 1) if count % n == 0 and count // n < 1 << 16)
    return 1, height, count // height
