"""`k210 bench compiler`: what the worker costs over nncase called directly, in one run."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.compiler.lower import to_nncase_dialect
from harness.compiler.source import Source, source_of_module
from harness.compiler.worker.client import Worker
from harness.compiler.worker.environment import ensure
from harness.errors import SetupError
from harness.method import InputContract
from harness.progress import SILENT, Progress

if TYPE_CHECKING:
    from torch import nn

CALIBRATION_IMAGES = 32
SIMULATED_IMAGES = 10
_SIZE = 224
_DIRECT = Path(__file__).with_name("direct_nncase.py")
_TIME_LIMIT_S = 1200


@dataclass(frozen=True)
class Row:
    """One benchmark: our time, the peer's, and the median of the ratios of adjacent runs."""

    name: str
    unit: str
    ours: float
    direct: float
    ratio: float


def bench_compiler(module: nn.Module, rounds: int = 3, progress: Progress = SILENT) -> list[Row]:
    """Compile and simulate a network in turn through the worker and directly.

    Both sides get the same bytes. The two take turns, so that a machine whose speed drifts
    slows both; the ratio is taken round by round.

    Args:
        module: The network, for RGB pictures of 224x224.
        rounds: How often each side takes its turn.
        progress: Who is told.
    """
    rng = np.random.default_rng(0)
    calibration, inputs = (
        rng.integers(0, 256, (count, 3, _SIZE, _SIZE), dtype=np.uint8)
        for count in (CALIBRATION_IMAGES, SIMULATED_IMAGES)
    )
    source = _source(module)
    ours, direct = [], []
    with progress.task("bench", 2 * rounds) as task, Worker() as worker:
        worker.versions()  # start it: importing nncase is paid once, not at each call
        for _ in range(rounds):
            ours.append(_through_worker(worker, source, calibration, inputs))
            task.advance()
            direct.append(_directly(source, calibration, inputs))
            task.advance()
    return [
        _row("compile_mobilenet_1.0_224_cal32", "s", [o[0] for o in ours], [d[0] for d in direct]),
        _row("simulate_mobilenet_1.0_224", "ms", [o[1] for o in ours], [d[1] for d in direct]),
    ]


def _source(module: nn.Module) -> Source:
    return source_of_module(module, "bench", InputContract((3, _SIZE, _SIZE)), ("y",))


def _through_worker(
    worker: Worker, source: Source, calibration: np.ndarray, inputs: np.ndarray
) -> tuple[float, float]:
    started = time.perf_counter()
    result = worker.compile(
        to_nncase_dialect(source.data),
        "onnx",
        input_shape=(1, 3, _SIZE, _SIZE),
        input_range=(0.0, 1.0),
        calibration=calibration,
    )
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    worker.simulate(result.kmodel, inputs)
    return seconds, (time.perf_counter() - started) * 1e3 / len(inputs)


def _directly(source: Source, calibration: np.ndarray, inputs: np.ndarray) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("model.onnx", "calibration.npy", "inputs.npy")]
        paths[0].write_bytes(to_nncase_dialect(source.data))
        np.save(paths[1], calibration)
        np.save(paths[2], inputs)
        done = subprocess.run(
            [ensure().python, _DIRECT, *paths, "1"],
            capture_output=True,
            text=True,
            timeout=_TIME_LIMIT_S,
            check=False,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not lines:
        raise SetupError("nncase called directly failed", output=done.stdout + done.stderr)
    result = json.loads(lines[-1].removeprefix("RESULT "))
    return result["compile_s"][0], statistics.fmean(result["item_ms"])


def _row(name: str, unit: str, ours: list[float], direct: list[float]) -> Row:
    ratios = [a / b for a, b in zip(ours, direct, strict=True)]
    return Row(
        name, unit, statistics.median(ours), statistics.median(direct), statistics.median(ratios)
    )
