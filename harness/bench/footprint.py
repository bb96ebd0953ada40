"""What loading and running a kmodel costs in time and memory, in a process of its own.

A process that has run anything before has memory that it keeps, so each measurement starts one.
Memory is the greatest resident size as Linux counts it for the process itself (`VmHWM`);
`ru_maxrss` would begin with that of the process which started this one.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from harness.errors import SimulationError

LIMIT_S = 120
_MB = 1e6
_KIB = 1024


@dataclass(frozen=True)
class Footprint:
    """One measurement.

    Attributes:
        load_ms: From the path of the file to the program.
        prepare_ms: From the program to a simulator that can run.
        imported_mb: Greatest resident size with everything imported and nothing loaded yet.
        peak_mb: Greatest resident size when a batch has run twice.
    """

    load_ms: float
    prepare_ms: float
    imported_mb: float
    peak_mb: float


def footprint(kmodel: bytes, batch: int) -> Footprint:
    """Load a kmodel with one uint8 or float32 input and run a batch, in a new process.

    Raises:
        SimulationError: That process failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.kmodel"
        path.write_bytes(kmodel)
        command = [sys.executable, "-m", __name__, str(path), str(batch)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise SimulationError(f"the process that measures memory failed: {last[0]}")
    return Footprint(**json.loads(done.stdout))


def greatest_resident_mb() -> float:
    """Return the greatest resident size of this process so far, in 10^6 bytes."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    if found is None:
        raise SimulationError("this system does not tell how much memory a process has had")
    return int(found[1]) * _KIB / _MB


def _main(path: str, batch: int) -> None:
    import numpy as np

    from harness.kmodel import load
    from harness.simulator import Simulator

    imported = greatest_resident_mb()
    started = time.perf_counter()
    program = load(path)
    loaded = time.perf_counter()
    simulator = Simulator(program)
    ready = time.perf_counter()
    buffer = program.inputs[0].buffer
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch, *buffer.shape[1:])).astype(buffer.dtype.numpy)
    for _ in range(2):
        simulator(images)
    values = {
        "load_ms": (loaded - started) * 1e3,
        "prepare_ms": (ready - loaded) * 1e3,
        "imported_mb": imported,
        "peak_mb": greatest_resident_mb(),
    }
    print(json.dumps(values))


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]))
