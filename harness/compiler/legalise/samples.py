"""Values of inner tensors on the calibration images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import onnx

from harness.compiler.onnx_graph import graph_input
from harness.errors import SetupError

Floats = npt.NDArray[np.float32]


class Samples:
    """Runs the model as it came on the calibration images, when a rewrite asks for values.

    Args:
        data: The model before any rewrite; tensors are asked for by their names in it.
        images: uint8 [N, C, H, W].
        input_range: The values that bytes 0 and 255 stand for.
    """

    def __init__(
        self, data: bytes, images: npt.NDArray[np.uint8], input_range: tuple[float, float]
    ) -> None:
        self._data, self._images, self._range = data, images, input_range

    def of(self, tensor: str) -> Iterator[Floats]:
        """Yield a tensor's value for each calibration image in turn.

        Raises:
            SetupError: ONNX Runtime is not installed.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise SetupError(
                "this rewrite looks at calibration images, for which ONNX Runtime is missing",
                "pip install 'k210-harness[legalise]'",
            ) from error
        model = onnx.load_model_from_string(self._data)
        del model.graph.output[:]
        model.graph.output.append(onnx.ValueInfoProto(name=tensor))
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        name, low, high = graph_input(self._data).name, *self._range
        for image in self._images:
            floats = (low + image[None].astype(np.float32) * ((high - low) / 255)).astype("f4")
            yield session.run(None, {name: floats})[0]
