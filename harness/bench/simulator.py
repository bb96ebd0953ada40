"""`k210 bench simulator`: our simulator, nncase's, and floats in ONNX Runtime, in one run."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from harness.bench.footprint import footprint
from harness.compiler.lower import to_nncase_dialect
from harness.compiler.source import source_of_module
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
_PROCESSES = 3
_DEVICE_BATCH = 256
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


@dataclass(frozen=True)
class FootprintRow:
    """What loading and running one network costs; medians of new processes.

    Attributes:
        name: `footprint_` and the network, input size and batch.
        kmodel_mb: Size of the file in 10^6 bytes.
        load_ms: From the path of the file to the program.
        prepare_ms: From the program to a simulator that can run.
        imported_mb: Greatest resident size in 10^6 bytes with everything imported.
        peak_mb: The same when batches have run.
    """

    name: str
    kmodel_mb: float
    load_ms: float
    prepare_ms: float
    imported_mb: float
    peak_mb: float


@dataclass(frozen=True)
class DeviceRow:
    """Our simulator on a GPU, where PyTorch sees one.

    Attributes:
        name: Network, input size, batch and device.
        device: What PyTorch calls it.
        images_per_second: With the images on the device already; the fastest of a few batches.
        bit_exact: Whether every output is that of the processor.
    """

    name: str
    device: str
    images_per_second: float
    bit_exact: bool


@dataclass(frozen=True)
class Bench:
    """All rows of `k210 bench simulator`."""

    speed: tuple[SimulatorRow, ...]
    footprint: tuple[FootprintRow, ...]
    devices: tuple[DeviceRow, ...]


@dataclass(frozen=True)
class _Compiled:
    """A network in the forms that the three sides run."""

    kmodel: bytes
    onnx: bytes


def bench_simulator(
    modules: Mapping[str, nn.Module], rounds: int = 5, progress: Progress = SILENT
) -> Bench:
    """Run each case in turns: ours, nncase's, ONNX Runtime's; then weigh the first case.

    Where there is a GPU, the first case's network runs there as well.

    Args:
        modules: MobileNet for RGB pictures of 224x224, by width.
        rounds: How often each side takes its turn.
        progress: Who is told.

    Raises:
        SetupError: ONNX Runtime or nncase is missing.
    """
    rows = []
    with progress.task("bench", len(CASES) * rounds + 1) as task, Worker() as worker:
        compiled = {width: _compiled(modules[width], worker) for width, _ in CASES}
        for width, batch in CASES:
            rows.append(_case(compiled[width], width, batch, rounds, worker, task.advance))
        width, batch = CASES[0]
        kmodel = compiled[width].kmodel
        weighed = _footprint(kmodel, _name(width, batch))
        task.advance()
    devices = ["cuda"] if torch.cuda.is_available() else []
    on_devices = (_on_device(kmodel, width, device) for device in devices)
    return Bench(tuple(rows), (weighed,), tuple(on_devices))


def _name(width: str, batch: int) -> str:
    return f"mobilenet_{width}_{_SIZE}_b{batch}"


def _images(count: int) -> Images:
    shape = (count, *_CONTRACT.shape)
    return np.random.default_rng(count).integers(0, 256, shape, dtype=np.uint8)


def _compiled(module: nn.Module, worker: Worker) -> _Compiled:
    source = source_of_module(module, "bench", _CONTRACT, ("y",))
    compilation = worker.compile(
        to_nncase_dialect(source.data),
        "onnx",
        input_shape=(1, *_CONTRACT.shape),
        input_range=(0.0, 1.0),
        calibration=_images(_CALIBRATION_IMAGES),
    )
    return _Compiled(compilation.kmodel, source.data)


def _case(
    compiled: _Compiled,
    width: str,
    batch: int,
    rounds: int,
    worker: Worker,
    advance: Callable[[], object],
) -> SimulatorRow:
    kmodel, images = compiled.kmodel, _images(batch)
    simulator, floats = Simulator(load(kmodel)), _onnxruntime(compiled.onnx)
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
    return _row(_name(width, batch), times, exact)


def _footprint(kmodel: bytes, name: str) -> FootprintRow:
    batch = CASES[0][1]
    found = [footprint(kmodel, batch) for _ in range(_PROCESSES)]
    return FootprintRow(
        name=f"footprint_{name}",
        kmodel_mb=len(kmodel) / 1e6,
        load_ms=statistics.median(one.load_ms for one in found),
        prepare_ms=statistics.median(one.prepare_ms for one in found),
        imported_mb=statistics.median(one.imported_mb for one in found),
        peak_mb=statistics.median(one.peak_mb for one in found),
    )


def _on_device(kmodel: bytes, width: str, device: str, batch: int = _DEVICE_BATCH) -> DeviceRow:
    program, images = load(kmodel), torch.from_numpy(_images(batch))
    simulator, there = Simulator(program, device=device), images.to(device)

    def run() -> list[torch.Tensor]:
        # Taking the results back waits until they are there.
        return [value.cpu() for value in simulator(there).values()]

    expected = Simulator(program)(images).values()
    exact = all(torch.equal(a, b) for a, b in zip(run(), expected, strict=True))
    named = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    name = f"{_name(width, batch)}_{device}"
    return DeviceRow(name, named, batch / _fastest(run) * 1e3, exact)


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
