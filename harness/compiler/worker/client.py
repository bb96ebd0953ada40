"""`Worker`: compile and simulate with nncase as if it were a library that cannot crash."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Mapping
from functools import cache, partial
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from harness.compiler.worker.activity import COMPILING, LOADING, SIMULATING, STARTING
from harness.compiler.worker.batches import simulate_in_batches
from harness.compiler.worker.checks import Arrays, check_calibration, check_inputs, check_kmodel
from harness.compiler.worker.environment import WorkerEnvironment, ensure
from harness.compiler.worker.process import WorkerProcess
from harness.compiler.worker.protocol import from_bytes
from harness.compiler.worker.results import (
    DEFAULT_LIMITS,
    Array,
    Compilation,
    KmodelInfo,
    Limits,
    ModelKind,
    SimulationResult,
    TensorInfo,
)
from harness.progress import SILENT, Progress


class Worker:
    """nncase in its own process, which starts at the first call and again after a crash.

    Calls from several threads wait for each other. It is not for use across a fork.

    Args:
        environment: Where nncase lives; None for the user's own environment, which is made at
            the first call where it is missing.
        limits: Time limits.
        progress: Who is told about the making of the environment.
    """

    def __init__(
        self,
        environment: WorkerEnvironment | None = None,
        limits: Limits = DEFAULT_LIMITS,
        progress: Progress = SILENT,
    ) -> None:
        self._environment = environment
        self._limits = limits
        self._progress = progress
        self._lock = threading.RLock()
        self._process: WorkerProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process id of nncase; None when it is not running."""
        return self._process.pid if self._process and self._process.alive else None

    def versions(self) -> dict[str, str]:
        """Return the versions of `python`, `numpy` and `nncase` in the worker.

        Raises:
            SetupError: nncase cannot be started.
        """
        with self._lock:
            process = self._running()
            reply = STARTING.request(process, {"request": "hello"}, {}, self._limits.start_s)
            return {**reply.message, "nncase": self._located().nncase_version}

    def compile(
        self,
        model: bytes,
        kind: ModelKind,
        *,
        input_shape: tuple[int, int, int, int],
        input_range: tuple[float, float],
        calibration: npt.NDArray[np.uint8],
        calibrate_method: str = "no_clip",
    ) -> Compilation:
        """Compile a model for the K210, with uint8 input in NCHW order.

        Args:
            model: ONNX with inferred shapes, or TFLite; one input, float32.
            kind: Which of the two.
            input_shape: 1, channels, height, width; for TFLite too, whose own order is NHWC.
            input_range: The values that bytes 0 and 255 stand for in the model's own input.
            calibration: uint8 [N, C, H, W]; quantisation takes its ranges from these.
            calibrate_method: One of `checks.CALIBRATION_METHODS`.

        Raises:
            CompileError: The calibration images do not fit, nncase refuses the model (its text
                is the cause, unchanged), crashes on it, or runs past the time limit.
            SetupError: nncase cannot be started.
        """
        check_calibration(calibration, calibrate_method, input_shape)
        message = {
            "request": "compile",
            "kind": kind,
            "input_shape": input_shape,
            "input_range": input_range,
            "calibrate_method": calibrate_method,
        }
        arrays = {"model": from_bytes(model), "calibration": calibration}
        with self._lock:
            process = self._running()
            reply = COMPILING.request(process, message, arrays, self._limits.compile_s)
            log = process.output
        files = {name: array.tobytes() for name, array in reply.arrays.items()}
        kmodel = files.pop("kmodel")
        return Compilation(kmodel, {name[3:]: data for name, data in files.items()}, log)

    def describe(self, kmodel: bytes) -> KmodelInfo:
        """Return the inputs and outputs of a kmodel v5.

        Raises:
            SimulationError: nncase cannot load it.
            SetupError: nncase cannot be started.
        """
        check_kmodel(kmodel)
        with self._lock:
            return self._load(self._running(), kmodel)

    def simulate(
        self,
        kmodel: bytes,
        inputs: Array | Arrays,
        progress: Callable[[], object] = lambda: None,
    ) -> SimulationResult:
        """Run nncase's K210 simulator on N items, one after the other.

        Args:
            kmodel: kmodel v5.
            inputs: One array [N, ...] an input, in file order, dtype as the kmodel takes it; a
                model with one input takes the array itself.
            progress: Called once an item, as results come in.

        Raises:
            SimulationError: nncase refuses the kmodel or the inputs, crashes on them, or runs
                past the time limit.
            SetupError: nncase cannot be started.
        """
        check_kmodel(kmodel)
        arrays = [inputs] if isinstance(inputs, np.ndarray) else list(inputs)
        with self._lock:
            process = self._running()
            info = self._load(process, kmodel)
            count = check_inputs(info, arrays)
            run = partial(self._run, process, info)
            return simulate_in_batches(run, info, arrays, count, progress)

    def close(self) -> None:
        """End nncase; the next call starts it again."""
        with self._lock:
            if self._process:
                self._process.close()
                self._process = None

    def _located(self) -> WorkerEnvironment:
        if self._environment is None:
            self._environment = ensure(self._progress)
        return self._environment

    def _running(self) -> WorkerProcess:
        if self._process and self._process.alive:
            return self._process
        self.close()
        self._process = WorkerProcess(self._located())
        STARTING.request(self._process, {"request": "hello"}, {}, self._limits.start_s)
        return self._process

    def _load(self, process: WorkerProcess, kmodel: bytes) -> KmodelInfo:
        arrays = {"kmodel": from_bytes(kmodel)}
        reply = LOADING.request(process, {"request": "load"}, arrays, self._limits.load_s)
        return KmodelInfo(
            tuple(_tensor(entry) for entry in reply.message["inputs"]),
            tuple(_tensor(entry) for entry in reply.message["outputs"]),
        )

    def _run(self, process: WorkerProcess, info: KmodelInfo, batch: Arrays) -> dict[str, Array]:
        arrays = {
            str(index): array.reshape(len(array), *tensor.shape)
            for index, (array, tensor) in enumerate(zip(batch, info.inputs, strict=True))
        }
        limit_s = self._limits.run_s * len(batch[0])
        return SIMULATING.request(process, {"request": "run"}, arrays, limit_s).arrays


def _tensor(entry: Mapping[str, Any]) -> TensorInfo:
    return TensorInfo(entry["dtype"], tuple(entry["shape"]))


@cache
def get_worker() -> Worker:
    """Return the worker that this process shares; it ends when this process ends."""
    worker = Worker()
    atexit.register(worker.close)
    return worker
