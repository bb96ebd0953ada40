"""Running a kmodel on a board: model and inputs go there, every output comes back to the bit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

from harness.board.answers import DamagedAnswerError, Inference, OutputForm, expect, inference
from harness.board.checkpoint import Checkpoint, digest
from harness.board.pixels import bmp
from harness.board.scripts import script
from harness.errors import BoardError
from harness.kmodel import DType, Program, load
from harness.progress import SILENT, Progress

Array = npt.NDArray[Any]
Api = Literal["KPU", "maix.KPU"]

ATTEMPTS = 3
# A model over 6 MiB of float code takes seconds on a K210; one that takes longer hangs.
RUN_SECONDS = 60.0


class Waist(Protocol):
    """What the runner needs of a board: `harness.board.board.Board` has it."""

    def exec(self, code: str, timeout: float = ..., *, name: str = ...) -> str:
        """Run code and return what it printed."""

    def write(self, path: str, data: bytes, progress: Progress = ...) -> None:
        """Put a file onto the board."""


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
    """

    def __init__(
        self,
        board: Waist,
        kmodel: bytes,
        api: Api = "KPU",
        folder: str = "/sd",
        progress: Progress = SILENT,
    ) -> None:
        self.board, self.kmodel, self.api, self.folder = board, kmodel, api, folder
        self.progress = progress
        self.program = load(kmodel)
        self.forms = output_forms(self.program)
        self.sha256 = hashlib.sha256(kmodel).hexdigest()

    def __enter__(self) -> Self:
        path = f"{self.folder}/k210-{self.sha256[:8]}.kmodel"
        self.board.write(path, self.kmodel, self.progress)
        self.board.exec(script("infer.py"), name="infer.py")
        outputs = [self._told(form) for form in self.forms]
        opened = self.board.exec(
            f"open_model({self.api!r}, {path!r}, {outputs!r})", timeout=RUN_SECONDS
        )
        expect(opened, "open")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What went wrong before counts more than that the board cannot tidy up after it.
        with suppress(BoardError):
            self.board.exec("close_model()")

    def run(
        self,
        inputs: Array,
        *,
        firmware: str = "",
        checkpoint: Path | None = None,
        progress: Progress = SILENT,
    ) -> Results:
        """Run a batch, one input at a time.

        Args:
            inputs: uint8 or float32 [N, C, H, W].
            firmware: What the checkpoint belongs to, beside the kmodel.
            checkpoint: File that keeps results until the batch is complete.
            progress: Who is told.

        Raises:
            BoardError: The board refuses, or its answers come damaged three times in a row.
        """
        subject = {"kmodel": self.sha256, "firmware": firmware, "api": self.api}
        kept = Checkpoint(checkpoint, subject, self.forms)
        found: list[Inference] = []
        with progress.task("board", len(inputs)) as task:
            for x in inputs:
                key = digest(x)
                result = kept.get(key)
                if result is None:
                    result = self.infer(x)
                    kept.put(key, result)
                found.append(result)
                task.advance()
        kept.finish()
        return self._results(found)

    def infer(self, x: Array) -> Inference:
        """Run one input [C, H, W]; ask again where the answer comes damaged."""
        path = self.put(x, 0)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return inference(
                    self.board.exec(f"infer({path!r})", timeout=RUN_SECONDS), self.forms
                )
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

        MaixPy has to be told the shapes of v4 outputs, and takes all of them for floats.
        """
        if self.program.version != 4 or self.api != "KPU":
            return form.form, form.count, ()
        if form.form != "f":
            raise BoardError(
                "MaixPy hands out the outputs of kmodel v4 as floats, and one is uint8",
                "let the model end with a dequantisation: Program.until(layer, as_float=True)",
            )
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
