"""The float values of a model: what fixes measure, and what they are judged against."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.blame.fix.base import Images
from harness.blame.graph import Graph
from harness.blame.units import Codes
from harness.compiler.source import Source

Array = npt.NDArray[Any]

# Every value of a model is there at once: of MobileNet 1.0 about 80 MB a picture.
_BATCH = 4


def float_values(
    source: Source, images: Images, names: Collection[str] = ()
) -> Iterator[dict[str, Array]]:
    """Yield values of a model [n, …] by name, for few images at a time.

    Args:
        source: The model, in ONNX.
        images: uint8 [N, C, H, W].
        names: Which values; none for the outputs.

    Raises:
        CompileError: A layer cannot be computed.
    """
    graph = Graph(source.data)
    wanted = tuple(names) or graph.outputs
    # Mean and std are layers of this model.
    given = Codes.of_bytes(source.contract.range)
    for start in range(0, len(images), _BATCH):
        values = graph.run(given.decode_images(images[start : start + _BATCH]))
        yield {name: values[name].numpy() for name in wanted}


def float_outputs(source: Source, images: Images) -> dict[str, Array]:
    """Return the outputs [N, …] of a model by name."""
    parts = list(float_values(source, images))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
