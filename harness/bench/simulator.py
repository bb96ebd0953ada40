"""`k210 bench simulator`: our simulator, nncase's, and floats in ONNX Runtime, in one run."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.compiler.build import source_of_module
from harness.compiler.lower import to_nncase_dialect
from harness.compiler.worker.client import Worker
from harness.errors import SetupError
from harness.kmodel import load
from harness.method import InputContract
from harness.progress import SILENT, Progress
from harness.simulator import Simulator

if TYPE_CHECKING:
    from torch import nn

_SIZE = 224
_CONTRACT = InputContract((3, _SIZE, _SIZE))
_CALIBRATION_IMAGES = 4
_NNCASE_IMAGES = 2
_REPEATS = 5
# Which network, and how many images at once.
CASES = (("1.0", 8), ("1.0", 1), ("0.25", 8))

Images = np.ndarray


@dataclass(frozen=True)
class SimulatorRow:
    """One benchmark; times are medians over the rounds, ratios medians of each round's ratio.

    Attributes:
        name: Network, input size and batch.
        ours_ms_per_image: This simulator, from bytes to floats.
        nncase_ms_per_image: nncase's simulator, as it counts itself, without its worker.
        onnxruntime_ms_per_image: The float network, on all cores.
        ratio_nncase: How many times as fast as nncase we are.
        ratio_onnxruntime: The same against ONNX Runtime; below 1 where we are slower.
        bit_exact: Whether every output of every image is that of nncase.
    """

    name: str
    ours_ms_per_image: float
    nncase_ms_per_image: float
    onnxruntime_ms_per_image: float
    ratio_nncase: float
    ratio_onnxruntime: float
    bit_exact: bool


def bench_simulator(
    modules: Mapping[str, nn.Module], rounds: int = 5, progress: Progress = SILENT
) -> list[SimulatorRow]:
    """Run each case in turns: ours, nncase's, ONNX Runtime's.

    Args:
        modules: MobileNet for RGB pictures of 224x224, by width.
        rounds: How often each side takes its turn.
        progress: Who is told.

    Raises:
        SetupError: ONNX Runtime or nncase is missing.
    """
    rows = []
    with progress.task("bench", len(CASES) * rounds) as task, Worker() as worker:
        for width, batch in CASES:
            rows.append(_case(modules[width], width, batch, rounds, worker, task.advance))
    return rows


def _case(
    module: nn.Module,
    width: str,
    batch: int,
    rounds: int,
    worker: Worker,
    advance: Callable[[], object],
) -> SimulatorRow:
    rng = np.random.default_rng(0)
    calibration, images = (
        rng.integers(0, 256, (count, *_CONTRACT.shape), dtype=np.uint8)
        for count in (_CALIBRATION_IMAGES, batch)
    )
    source = source_of_module(module, "bench", _CONTRACT, ("y",))
    kmodel = worker.compile(
        to_nncase_dialect(source.data),
        "onnx",
        input_shape=(1, *_CONTRACT.shape),
        input_range=(0.0, 1.0),
        calibration=calibration,
    ).kmodel
    simulator, floats = Simulator(load(kmodel)), _onnxruntime(source.data)
    expected = worker.simulate(kmodel, images).outputs
    found = simulator(images).values()
    exact = all(np.array_equal(a.numpy(), b) for a, b in zip(found, expected, strict=True))
    times: list[tuple[float, float, float]] = []
    scaled = (images / np.float32(255)).astype(np.float32)
    for _ in range(rounds):
        ours = _fastest(lambda: simulator(images)) / batch
        theirs = worker.simulate(kmodel, images[:_NNCASE_IMAGES]).latency_ms
        times.append((ours, float(np.min(theirs)), _fastest(lambda: floats(scaled)) / batch))
        advance()
    return _row(f"mobilenet_{width}_{_SIZE}_b{batch}", times, exact)


def _row(name: str, times: list[tuple[float, float, float]], exact: bool) -> SimulatorRow:
    ours, nncase, floats = (statistics.median(column) for column in zip(*times, strict=True))
    return SimulatorRow(
        name=name,
        ours_ms_per_image=ours,
        nncase_ms_per_image=nncase,
        onnxruntime_ms_per_image=floats,
        ratio_nncase=statistics.median(b / a for a, b, _ in times),
        ratio_onnxruntime=statistics.median(c / a for a, _, c in times),
        bit_exact=exact,
    )


def _fastest(run: Callable[[], object]) -> float:
    """Return the milliseconds of the fastest of a few calls, the first left out."""
    run()
    taken = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        run()
        taken.append((time.perf_counter() - started) * 1e3)
    return min(taken)


def _onnxruntime(model: bytes) -> Callable[[Images], object]:
    """Return the float network for batches of any size."""
    try:
        import onnxruntime
    except ImportError as error:
        raise SetupError(
            "ONNX Runtime, a peer of this benchmark, is not installed",
            "pip install 'k210-harness[dev]'",
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        _of_any_batch(model), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images})


def _of_any_batch(model: bytes) -> bytes:
    import onnx

    graph = onnx.load_from_string(model)
    del graph.graph.value_info[:]
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    return graph.SerializeToString()
