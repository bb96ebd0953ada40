"""Backend `nncase`: the compiler's own K210 simulator, in its worker process."""

from __future__ import annotations

import numpy as np

from harness.backends.base import Backend, BackendResult, Images, Subject, check_inputs
from harness.compiler.worker.client import Worker, get_worker
from harness.compiler.worker.environment import NNCASE_VERSION
from harness.errors import SimulationError, UsageError
from harness.progress import SILENT, Progress


class NncaseBackend(Backend):
    """Runs a kmodel v5, one item at a time, as nncase's simulator does."""

    name = "nncase"
    needs_kmodel = True

    def __init__(self, worker: Worker | None = None) -> None:
        self._worker = worker

    def run(self, subject: Subject, inputs: Images, progress: Progress = SILENT) -> BackendResult:
        """See `Backend.run`.

        Raises:
            SimulationError: nncase refuses the kmodel, crashes on it, or hangs.
        """
        check_inputs(subject.contract, inputs)
        if subject.kmodel is None:
            raise UsageError("backend nncase needs a kmodel", "compile the model first")
        worker = self._worker or get_worker()
        with progress.task(self.name, len(inputs)) as task:
            result = worker.simulate(subject.kmodel, inputs, progress=task.advance)
        if len(result.outputs) != len(subject.outputs):
            raise SimulationError(
                f"the kmodel has {len(result.outputs)} outputs, "
                f"the contract names {len(subject.outputs)}"
            )
        arrays = (np.asarray(array, np.float32) for array in result.outputs)
        outputs = dict(zip(subject.outputs, arrays, strict=True))
        return BackendResult(
            self.name, outputs, result.latency_ms, {"nncase": NNCASE_VERSION, "threads": "default"}
        )
