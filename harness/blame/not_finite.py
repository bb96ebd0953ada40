"""Where the float model itself stops giving numbers: NaN or infinity."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harness.blame.graph import Graph, Node, Values


@dataclass(frozen=True)
class NotFinite:
    """The first node of the float model that gives no numbers for numbers.

    Attributes:
        node: Its name.
        text: What it gives and what of it, in words.
    """

    node: str
    text: str


def first_not_finite(graph: Graph, values: Values) -> NotFinite | None:
    """Return where a model stops giving numbers; None where its outputs are numbers.

    Inside of a model infinity has its uses (a mask): only outputs decide that something is wrong.

    Args:
        graph: The float model.
        values: Every tensor of it for some pictures.
    """
    if all(_finite(values[name]) for name in graph.outputs):
        return None
    nothing: frozenset[str] = frozenset()
    before = nothing.union(*(graph.ancestors.get(name, nothing) for name in graph.outputs))
    for node in graph.nodes:
        results = [values[name] for name in node.outputs if name in before]
        if results and not all(map(_finite, results)):
            return NotFinite(node.name, _text(graph, node, results[0]))
    return None


def _finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(torch.isfinite(value).all())


def _text(graph: Graph, node: Node, result: Tensor) -> str:
    stored = [name for name in node.inputs if name in graph.constants]
    wrong = [graph.constants[name] for name in stored if not _finite(graph.constants[name])]
    share = float((~torch.isfinite(result)).float().mean())
    given = f"{node.name} gives {_what(result)} in {share:.1%} of its values"
    if not wrong:
        return f"{given}, and what it reads is numbers"
    places = sum(int((~torch.isfinite(one)).sum()) for one in wrong)
    total = sum(one.numel() for one in wrong)
    return f"{given}: of its {total} weights {places} {_verb(places)} {_what(wrong[0])}"


def _verb(number: int) -> str:
    return "is" if number == 1 else "are"


def _what(result: Tensor) -> str:
    return "NaN" if bool(torch.isnan(result).any()) else "infinity"
