"""Whether a kmodel is of the float model at all, by the codes of its weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from harness.blame.link import Link
from harness.blame.parameters import CODE_TOLERANCE
from harness.blame.units import expected_codes
from harness.blame.wording import count
from harness.kmodel.operations import KpuConv2d

# Of the codes of a layer's own weights nearly all are right; of others', one in ten by chance.
LEAST_RIGHT = 0.5


def foreign_layers(links: Mapping[str, Link]) -> tuple[str, ...]:
    """Return lines about convolutions that hold other weights; none where most hold their own.

    A damaged layer or two are no other network: the most have to be others.

    Args:
        links: What belongs together.
    """
    convolutions = [one for one in links.values() if isinstance(one.operation, KpuConv2d)]
    known = {one.operation.name: _right(one) for one in convolutions if one.weights is not None}
    others = [name for name, share in known.items() if share < LEAST_RIGHT]
    lost = [one.operation.name for one in convolutions if not one.tensor]
    if 2 * (len(others) + len(lost)) <= len(convolutions):
        return ()
    lines = []
    if others:
        least, most = min(known[name] for name in others), max(known[name] for name in others)
        lines.append(
            f"in {len(others)} of its {count(len(convolutions), 'convolution')} only {least:.0%} "
            f"to {most:.0%} of the weight codes are right (limit {LEAST_RIGHT:.0%})"
        )
    if lost:
        lines.append(
            f"{len(lost)} of its {count(len(convolutions), 'convolution')} compute nothing that "
            "model.onnx computes"
        )
    return tuple(lines)


def _right(link: Link) -> float:
    """Return the share of a layer's weight codes that quantising the float weights gives."""
    assert link.weights is not None
    assert isinstance(link.operation, KpuConv2d)
    codes = np.asarray(link.operation.weights, np.int64)
    distance = np.abs(expected_codes(link.weights.weights) - codes)
    return float((distance <= CODE_TOLERANCE).mean())
