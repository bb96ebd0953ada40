"""Applies the rewrites to a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from harness.compiler.legalise.catalogue import REWRITES, modes_of
from harness.compiler.legalise.graph import Graph, layer
from harness.compiler.legalise.rewrite import OFF, Applied, Context, Rewrite
from harness.compiler.legalise.samples import Samples
from harness.compiler.lower import fold_constants

# A rewrite that finds something in each of so many rounds undoes what it did.
_MOST_ROUNDS = 100


@dataclass(frozen=True)
class Legalised:
    """A model for nncase, and what was done to it.

    Attributes:
        data: ONNX, valid, with folded constants and inferred shapes.
        applied: In the order of rewrites, then of layers.
    """

    data: bytes
    applied: tuple[Applied, ...]


def legalise(
    data: bytes,
    calibration: npt.NDArray[np.uint8],
    input_range: tuple[float, float] = (0.0, 1.0),
    requests: Mapping[str, str] = MappingProxyType({}),
) -> Legalised:
    """Rewrite what nncase refuses, gets wrong, or leaves to the CPU.

    Args:
        data: A valid ONNX model of one picture.
        calibration: uint8 [N, C, H, W]; only rewrites that fold look at them.
        input_range: The values that bytes 0 and 255 stand for.
        requests: Rewrite → mode; others have their defaults.

    Raises:
        UsageError: A request names what does not exist.
        CompileError: The model's shapes contradict each other.
        SetupError: A rewrite looks at calibration images and ONNX Runtime is missing.
    """
    modes = modes_of(requests)
    model = fold_constants(data).SerializeToString()
    samples = Samples(model, calibration, input_range)
    applied: list[Applied] = []
    for rewrite in REWRITES:
        if modes[rewrite.name] != OFF:
            model = _exhaust(model, rewrite, modes[rewrite.name], samples, applied)
    return Legalised(model, tuple(applied))


def _exhaust(
    model: bytes, rewrite: Rewrite, mode: str, samples: Samples, applied: list[Applied]
) -> bytes:
    """Apply a rewrite until it finds nothing: what it made may be found again."""
    for _ in range(_MOST_ROUNDS):
        graph = Graph(model)
        found = list(_once(Context(graph, mode, samples), rewrite))
        if not found:
            break
        applied.extend(found)
        model = graph.to_bytes()
    return model


def _once(context: Context, rewrite: Rewrite) -> list[Applied]:
    found = []
    for node in list(context.graph.nodes):
        if node.op_type not in rewrite.op_types or node not in context.graph.nodes:
            continue
        name = layer(node)
        change = rewrite.apply(context, node)
        if change is not None:
            found.append(
                Applied(rewrite=rewrite.name, mode=context.mode, layer=name, **asdict(change))
            )
    return found
