"""What the nncase worker takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

ModelKind = Literal["onnx", "tflite"]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Limits:
    """Time limits in seconds; past one, nncase is stopped and the call fails.

    Attributes:
        start_s: Importing nncase.
        compile_s: One compilation.
        load_s: Loading one kmodel.
        run_s: Simulating one item.
    """

    start_s: float = 120.0
    compile_s: float = 600.0
    load_s: float = 60.0
    run_s: float = 120.0


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Compilation:
    """What nncase made of a model.

    Attributes:
        kmodel: kmodel v5.
        ir: nncase's graphs after its last pass, by file name: `main.nnir.pb` and one
            `k210_N.nnir.pb` for each part that runs on the KPU; protobuf files in ONNX's schema.
        log: What nncase printed.
    """

    kmodel: bytes
    ir: dict[str, bytes]
    log: str


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of a kmodel, as nncase's simulator reports it."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def item_shape(self) -> tuple[int, ...]:
        """The shape without a leading batch axis of 1."""
        return self.shape[1:] if self.shape[:1] == (1,) else self.shape


@dataclass(frozen=True)
class KmodelInfo:
    """Inputs and outputs of a kmodel, in file order."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]


@dataclass(frozen=True)
class SimulationResult:
    """Outputs for N items.

    Attributes:
        outputs: One array an output, in file order, each [N, ...] in the output's own dtype.
        latency_ms: float64 [N], wall time of each run on this machine; loading the kmodel and
            passing arrays are not in it.
    """

    outputs: list[Array]
    latency_ms: npt.NDArray[np.float64]
