"""The model as nncase was given it: what the legaliser made of the one that was exported.

Layers of the kmodel are layers of that form. Its function is that of the exported model, but for
rewrites that say otherwise; its nodes are named after those that they stand for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from harness.blame.graph import Graph, Node
from harness.blame.result import Stage
from harness.blame.tally import Tally
from harness.compiler.legalise import Applied, legalise
from harness.errors import UsageError

Images = npt.NDArray[np.uint8]

# Two float32 implementations of one function agree to 100 dB and better.
EXACT_DB = 50.0
# A rewrite that was asked for although it changes the function may cost so much and no more.
FOLDED_DB = 25.0


@dataclass(frozen=True)
class Legal:
    """A model in its two forms.

    Attributes:
        graph: As nncase was given it.
        original: As it was exported; the same object where nothing was rewritten.
        applied: What was rewritten.
        origins: For each node of `graph`, by name, the nodes of `original` that it stands for.
    """

    graph: Graph
    original: Graph
    applied: tuple[Applied, ...] = ()
    origins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def names(self, nodes: Iterable[Node]) -> tuple[str, ...]:
        """Return the nodes of the exported model that nodes of the graph stand for, in order."""
        found = (name for node in nodes for name in self.origins.get(node.name, (node.name,)))
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class RewriteFinding:
    """Whether the rewritten model is the exported one.

    Attributes:
        stage: The stage that is to blame; None where the two agree.
        evidence: Lines with numbers.
    """

    stage: Stage | None
    evidence: tuple[str, ...]


def legal_form(
    onnx: bytes,
    input_range: tuple[float, float],
    requests: Mapping[str, str] = MappingProxyType({}),
    calibration: Images | None = None,
) -> Legal:
    """Rewrite a model as it was rewritten on its way to the kmodel.

    Args:
        onnx: The exported model.
        input_range: The values that bytes 0 and 255 stand for.
        requests: Rewrite → mode, as they were asked for when it was compiled.
        calibration: uint8 [N, C, H, W], for rewrites that look at them.

    Raises:
        CompileError: The model is not valid.
        UsageError: A rewrite needs the calibration images, and there are none.
    """
    original = Graph(onnx)
    black = np.zeros(original.input_shape, np.uint8)
    images = black if calibration is None else calibration
    found = legalise(onnx, images, input_range, requests)
    folds = [one for one in found.applied if (one.rewrite, one.mode) == ("norm", "fold")]
    if calibration is None and folds:
        raise UsageError(
            f"norm=fold took constants for {folds[0].layer} from the calibration images",
            "name them with --calibration",
        )
    if not found.applied:
        return Legal(original, original)
    graph = Graph(found.data)
    return Legal(graph, original, found.applied, _origins(graph, original))


def _origins(graph: Graph, original: Graph) -> dict[str, tuple[str, ...]]:
    """Return whom each node stands for: its namesake, and those that went into it."""
    known = {node.name for node in original.nodes}
    namesake = {node.name: _namesake(node.name, known) for node in graph.nodes}
    kept = set(namesake.values())
    into: dict[str, list[str]] = {}
    for node in original.nodes:
        before = original.producer.get(node.inputs[0])
        if node.name not in kept and before is not None:
            # A batch norm that a convolution took in has no node of its own any more.
            into.setdefault(_taker(before.name, into), []).append(node.name)
    return {name: (one, *into.get(one, ())) for name, one in namesake.items() if one}


def _taker(name: str, into: Mapping[str, list[str]]) -> str:
    return next((taker for taker, taken in into.items() if name in taken), name)


def _namesake(name: str, known: set[str]) -> str:
    """Return the longest known name that a name begins with, up to a dot; "" for none."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name


def check_rewrites(legal: Legal, agreement: Tally) -> RewriteFinding | None:
    """Say whether the two forms are one function; None where nothing was rewritten.

    Args:
        legal: The two forms.
        agreement: Outputs of the rewritten model beside those of the exported one.
    """
    if not legal.applied:
        return None
    found = agreement.error().snr_db
    noisy = [one for one in legal.applied if one.noise]
    limit = FOLDED_DB if noisy else EXACT_DB
    kept = "equals it" if found is None else f"keeps {found:.1f} dB of it"
    line = f"the model as it was rewritten for the chip {kept} (limit {limit:.0f} dB)"
    told = tuple(one.line for one in noisy or legal.applied)
    if found is None or found >= limit:
        return RewriteFinding(None, (line, *(told if noisy else ())))
    return RewriteFinding("compiler", (line, *told))
