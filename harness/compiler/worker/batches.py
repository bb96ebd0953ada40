"""Many items through one kmodel: few enough messages to cost nothing, enough to show progress."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harness.compiler.worker.checks import Arrays
from harness.compiler.worker.results import Array, KmodelInfo, SimulationResult

BATCH_MS = 500.0
BATCH_BYTES = 1 << 24

Run = Callable[[Arrays], dict[str, Array]]


def simulate_in_batches(
    run: Run, info: KmodelInfo, inputs: Arrays, count: int, progress: Callable[[], object]
) -> SimulationResult:
    """Simulate all items, in batches of about half a second.

    Args:
        run: Simulates one batch; returns the outputs in file order, and `latency_ms` by item.
        info: What the kmodel takes and gives.
        inputs: One array [count, ...] an input.
        count: Number of items.
        progress: Called once an item.
    """
    outputs = [np.empty((count, *output.item_shape), output.dtype) for output in info.outputs]
    latency_ms = np.empty(count)
    item_bytes = sum(array[:1].nbytes for array in (*inputs, *outputs))
    start, size = 0, 1
    while start < count:
        batch = slice(start, min(start + size, count))
        results = run([array[batch] for array in inputs])
        latency_ms[batch] = results.pop("latency_ms")
        for output, result in zip(outputs, results.values(), strict=True):
            output[batch] = result.reshape(output[batch].shape)
        for _ in range(batch.start, batch.stop):
            progress()
        start, size = batch.stop, batch_size(float(latency_ms[batch].mean()), item_bytes)
    return SimulationResult(outputs, latency_ms)


def batch_size(latency_ms: float, item_bytes: int) -> int:
    """Return how many items make half a second of work and fit into 16 MiB; at least one."""
    return max(1, min(int(BATCH_MS / latency_ms), BATCH_BYTES // item_bytes))
