"""What nncase itself does not check before it reads memory that is not there."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.compiler.worker.results import Array, KmodelInfo
from harness.errors import CompileError, SimulationError

CALIBRATION_METHODS = ("no_clip", "l2", "kld_m0", "kld_m1", "kld_m2", "cdf")

Arrays = Sequence[Array]

_KMODEL_IDENTIFIER = b"LDMK"
_RUNNABLE = 5


def check_calibration(
    images: npt.NDArray[np.uint8], method: str, input_shape: tuple[int, int, int, int]
) -> None:
    """Refuse calibration images that do not fit the input, and unknown methods.

    nncase would read past the end of the images, and take an unknown method for `no_clip`.

    Raises:
        CompileError: They do not fit.
    """
    if method not in CALIBRATION_METHODS:
        raise CompileError(
            f"there is no calibration method {method!r}",
            f"choose one of: {', '.join(CALIBRATION_METHODS)}",
        )
    if images.dtype != np.uint8 or images.shape[1:] != input_shape[1:] or not len(images):
        wanted = ", ".join(map(str, input_shape[1:]))
        raise CompileError(
            f"the calibration images are {images.dtype} {list(images.shape)}, "
            f"the model needs uint8 [N, {wanted}] with N of at least 1",
            "give images of the model's input size",
        )


def kmodel_version(kmodel: bytes) -> int | None:
    """Return the version in a kmodel's header; None when the bytes are no kmodel."""
    if len(kmodel) < 8:
        return None
    first, second = struct.unpack_from("<2I", kmodel)
    if kmodel.startswith(_KMODEL_IDENTIFIER):
        return int(second)
    return 3 if first == 3 else None


def check_kmodel(kmodel: bytes) -> None:
    """Refuse bytes that are no kmodel of a version that nncase 1.9 runs.

    Raises:
        SimulationError: The header is another.
    """
    version = kmodel_version(kmodel)
    if version is None:
        raise SimulationError("the bytes given are not a kmodel", "give a .kmodel file")
    if version != _RUNNABLE:
        raise SimulationError(
            f"this is a kmodel of version {version}; nncase 1.9 runs version {_RUNNABLE} only",
            f"compile the model with `k210 compile`, which writes version {_RUNNABLE}",
        )


def check_inputs(info: KmodelInfo, inputs: Arrays) -> int:
    """Refuse inputs that the kmodel does not take; return their number of items.

    Raises:
        SimulationError: Number, dtype, shape or item counts do not fit.
    """
    if len(inputs) != len(info.inputs):
        raise SimulationError(
            f"the kmodel has {len(info.inputs)} inputs, {len(inputs)} were given",
            "give one array an input, in file order",
        )
    for index, (array, tensor) in enumerate(zip(inputs, info.inputs, strict=True)):
        if array.dtype != tensor.dtype or array.shape[1:] != tensor.item_shape:
            wanted = ", ".join(map(str, ("N", *tensor.item_shape)))
            raise SimulationError(
                f"input {index} is {array.dtype} {list(array.shape)}, "
                f"the kmodel takes {tensor.dtype} [{wanted}]",
                "give what the input contract beside the kmodel says",
            )
    counts = {len(array) for array in inputs}
    if len(counts) > 1:
        raise SimulationError(f"the inputs have different numbers of items: {sorted(counts)}")
    return counts.pop()
