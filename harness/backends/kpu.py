"""Backend `kpu`: our own simulator of the K210, in batches."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from harness.backends.base import Backend, BackendResult, Images, Subject, check_inputs
from harness.errors import SimulationError, UsageError
from harness.progress import SILENT, Progress

BATCH = 8


class KpuBackend(Backend):
    """Runs a kmodel of version 3, 4 or 5 in batches of 8.

    The latency of an item is its share of its batch's time. The first item runs once before, and is
    not counted: it makes PyTorch start its threads and find its kernels, which may take seconds.
    """

    name = "kpu"
    needs_kmodel = True

    def run(self, subject: Subject, inputs: Images, progress: Progress = SILENT) -> BackendResult:
        """See `Backend.run`. PyTorch is imported here, not before it is needed.

        Raises:
            KModelError: The bytes are no kmodel.
            SimulationError: The kmodel has an operation that is not supported; it is named.
        """
        import torch

        from harness.kmodel import load
        from harness.simulator import Simulator

        check_inputs(subject.contract, inputs)
        if subject.kmodel is None:
            raise UsageError("backend kpu needs a kmodel", "compile the model first")
        simulator = Simulator(load(subject.kmodel))
        if len(simulator.program.outputs) != len(subject.outputs):
            raise SimulationError(
                f"the kmodel has {len(simulator.program.outputs)} outputs, "
                f"the contract names {len(subject.outputs)}"
            )
        parts: list[list[npt.NDArray[np.float32]]] = [[] for _ in subject.outputs]
        latency = np.zeros(len(inputs))
        with progress.task(self.name, len(inputs)) as task:
            if len(inputs):
                simulator(inputs[:1])
            for batch in _batches(len(inputs)):
                started = time.perf_counter()
                results = simulator(inputs[batch])
                taken = batch.stop - batch.start
                latency[batch] = (time.perf_counter() - started) * 1e3 / taken
                for store, tensor in zip(parts, results.values(), strict=True):
                    store.append(tensor.float().numpy())
                for _ in range(taken):
                    task.advance()
        outputs = {
            name: np.concatenate(found) if found else np.zeros((0,), np.float32)
            for name, found in zip(subject.outputs, parts, strict=True)
        }
        environment = {
            "torch": torch.__version__,
            "threads": str(torch.get_num_threads()),
            "rules": simulator.rules,
        }
        return BackendResult(self.name, outputs, latency, environment)


def _batches(count: int) -> Iterator[slice]:
    for start in range(0, count, BATCH):
        yield slice(start, min(start + BATCH, count))
