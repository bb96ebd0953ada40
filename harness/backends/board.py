"""Backend `board`: a K210 board on a serial port, real or virtual."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, cast

import numpy as np

from harness.backends.base import Backend, BackendResult, Images, Subject, check_inputs
from harness.errors import BoardError, UsageError
from harness.method import InputContract
from harness.progress import SILENT, Progress

if TYPE_CHECKING:
    from harness.board.board import Board
    from harness.board.latency import BoardLatency
    from harness.board.runner import Api, Runner
    from harness.kmodel import Program

MAIXPY = "KPU"
# Lines of the camera's picture in `device_scripts/fps.py` (QVGA).
CAMERA_LINES = 240


class BoardBackend(Backend):
    """Sends a kmodel to a board and fetches every output to the bit.

    A kmodel v5, which stock firmware refuses, is sent as the newest version that the board loads,
    with the same bits (`harness.convert`). The latency of an item is by the board's own clock.

    Args:
        choice: `auto`, `virtual`, or a port; see `harness.board.choose`.
        checkpoint: File that keeps results until all inputs have run.
    """

    name = "board"
    needs_kmodel = True

    def __init__(self, choice: str = "auto", checkpoint: Path | None = None) -> None:
        self.choice, self.checkpoint = choice, checkpoint
        self._context: AbstractContextManager[Board] | None = None
        self._board: Board | None = None

    def __enter__(self) -> Self:
        """Open the board.

        Raises:
            BoardError: There is none, it cannot be opened, or it has no KPU module.
        """
        from harness.board.choose import opened

        self._context = opened(self.choice)
        self._board = self._context.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        context, self._context, self._board = self._context, None, None
        if context is not None:
            context.__exit__(kind, error, trace)

    @property
    def board(self) -> Board:
        """The open board.

        Raises:
            UsageError: The backend is not entered.
        """
        if self._board is None:
            raise UsageError("the board is not open", "use the backend as a context manager")
        return self._board

    def deliverable(self, contract: InputContract, inputs: Images) -> Images:
        """Return inputs as MaixPy's pictures carry them: colours on the RGB565 grid."""
        from harness.board.pixels import on_grid

        if self.board.info.kpu_api != MAIXPY or contract.shape[0] != 3:
            return inputs
        return on_grid(inputs)

    def run(self, subject: Subject, inputs: Images, progress: Progress = SILENT) -> BackendResult:
        """See `Backend.run`.

        Raises:
            BoardError: The board does not load the kmodel, or does not answer.
            ConversionError: The kmodel has no equal in a version that the board loads.
        """
        from harness.board.latency import INPUTS, measure
        from harness.board.runner import Runner
        from harness.kmodel import load

        check_inputs(subject.contract, inputs)
        if subject.kmodel is None:
            raise UsageError("backend board needs a kmodel", "compile the model first")
        info, program = self.board.info, load(subject.kmodel)
        kmodel = self._loadable(program)
        info.refuse_unloadable(kmodel)
        folder = max(info.file_systems, key=lambda system: system.free).path
        api = cast("Api", info.kpu_api)
        with Runner(self.board, kmodel, api, folder, progress) as runner:
            if len(runner.forms) != len(subject.outputs):
                raise BoardError(
                    f"the kmodel has {len(runner.forms)} outputs, "
                    f"the contract names {len(subject.outputs)}"
                )
            found = runner.run(
                inputs, identity=info.identity, checkpoint=self.checkpoint, progress=progress
            )
            different = len(np.unique(inputs, axis=0)) if len(inputs) >= INPUTS else 0
            latency = measure(runner, inputs) if different >= INPUTS else None
        described = self._described(runner, latency)
        if latency is not None:
            described |= self._camera_loop(runner)
        outputs = {
            name: out.astype(np.float32).reshape(len(inputs), *port.buffer.shape[1:])
            for name, out, port in zip(subject.outputs, found.outputs, program.outputs, strict=True)
        }
        environment = {"board": f"{info.kind} board", "firmware": info.firmware}
        return BackendResult(
            self.name,
            outputs,
            found.microseconds / 1e3,
            environment,
            described,
        )

    def _loadable(self, program: Program) -> bytes:
        """Return a kmodel in the newest version that the board loads, as it is where it does.

        v4 has four axes everywhere: outputs get the shapes of the original again afterwards.
        """
        from harness.convert import convert
        from harness.kmodel import save

        versions = self.board.info.kmodel_versions
        if program.version in versions or not versions or program.version < max(versions):
            return program.data.tobytes()
        return save(convert(program, cast("Literal[3, 4]", max(versions))).program)

    def _camera_loop(self, runner: Runner) -> dict[str, str]:
        """Measure camera, model and display together, where the board has all three."""
        from harness.board.latency import camera_fps

        info, (*_, channels, height, width) = self.board.info, runner.program.inputs[0].buffer.shape
        seen = info.kpu_api == MAIXPY and {"sensor", "lcd"} <= set(info.modules)
        if not seen or channels != 3 or height != width or width > CAMERA_LINES:
            return {}
        if len(runner.forms) != 1:
            return {}
        try:
            fps = camera_fps(self.board, runner.path, width, runner.forms[0].count)
        except BoardError as error:
            return {"camera_loop": f"not measured: {error.cause}"}
        return {"camera_loop": f"{fps:.2f} fps of camera, model and display together"}

    def _carriers(self, channels: int) -> str:
        if self.board.info.kpu_api != MAIXPY:
            return "raw tensors"
        return "gray pictures" if channels == 1 else "RGB565 pictures"

    def _described(self, runner: Runner, latency: BoardLatency | None) -> dict[str, str]:
        info = self.board.info
        found = {
            "kind": info.kind,
            "firmware": info.firmware,
            "machine": info.machine,
            "port": info.port,
            "serial_number": info.serial_number or "",
            "kmodel": f"v{runner.program.version}, sha256 {runner.sha256}",
            "inputs": self._carriers(runner.program.inputs[0].buffer.shape[1]),
        }
        if self.board.recoveries:
            helped = ", ".join(str(one.helped) for one in self.board.recoveries)
            found["recoveries"] = f"{len(self.board.recoveries)} ({helped})"
        if latency is not None:
            found["latency_rule"] = (
                f"p50 {latency.p50:.2f} ms, p95 {latency.p95:.2f} ms, p99 {latency.p99:.2f} ms, "
                f"{latency.fps:.2f} fps of inference alone; {latency.runs} runs of "
                f"{latency.inputs} inputs in {latency.seconds:.1f} s"
            )
        return found
