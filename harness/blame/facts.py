"""What hints are made of: weights, ranges and clipping of one layer, from what blame has seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.blame.columns import Ranges
from harness.blame.graph import Graph
from harness.blame.link import Link
from harness.blame.parameters import weight_snr
from harness.blame.result import LayerFacts
from harness.blame.units import weight_steps
from harness.kmodel.operations import KpuConv2d


def facts_of(link: Link, nodes: Sequence[str], ranges: Ranges | None, graph: Graph) -> LayerFacts:
    """Return the facts of a layer.

    Args:
        link: The layer beside the float model.
        nodes: The ONNX nodes that it stands for, first to last.
        ranges: The float values of its result.
        graph: The float model.
    """
    kinds = {node.name: node.kind for node in graph.nodes}
    layer = link.operation
    weights = link.weights.weights if link.weights is not None else None
    largest = np.abs(weights).reshape(len(weights), -1).max(1) if weights is not None else []
    seen = ranges or Ranges(0.0, 0.0)
    channels = seen.channels.tolist() if seen.channels is not None else []
    return LayerFacts(
        kind=kinds.get(nodes[0], "") if nodes else "",
        depthwise=isinstance(layer, KpuConv2d) and layer.depthwise,
        weight_max=tuple(map(float, largest)),
        weight_step=tuple(map(float, weight_steps(weights))) if weights is not None else (),
        weight_snr_db=weight_snr(link),
        code_range=(link.codes.low, link.codes.high) if link.codes is not None else None,
        float_range=(seen.low, seen.high),
        channel_max=tuple(map(float, channels)),
        clipped=seen.clipped / seen.count if seen.count else 0.0,
    )
