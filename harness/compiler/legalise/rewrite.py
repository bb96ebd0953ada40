"""What a rewrite is, and what it says about what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import onnx

from harness.compiler.legalise.graph import Graph
from harness.compiler.legalise.samples import Samples

OFF = "off"


@dataclass(frozen=True, kw_only=True)
class Change:
    """What was done at one place.

    Attributes:
        becomes: What stands there now.
        why: Why it could not stay as it was.
        cost: What that costs; empty if nothing worth a word.
        noise: Error that it adds on purpose, relative to the layer's output on the calibration
            images (L2); 0 for a rewrite that is exact.
    """

    becomes: str
    why: str
    cost: str = ""
    noise: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Applied(Change):
    """A change with its place.

    Attributes:
        rewrite: Name of the rewrite.
        mode: How it was applied.
        layer: Name of the layer in the source model.
    """

    rewrite: str
    mode: str
    layer: str

    @property
    def line(self) -> str:
        """All of it in one line."""
        cost = f"; costs {self.cost}" if self.cost else ""
        return f"{self.layer} became {self.becomes}: {self.why}{cost}"


@dataclass(frozen=True)
class Context:
    """What a rewrite works on.

    Attributes:
        graph: The model, changed in place.
        mode: How to apply it.
        samples: Values of tensors on the calibration images.
    """

    graph: Graph
    mode: str
    samples: Samples


@dataclass(frozen=True)
class Rewrite:
    """A rule: operations as they come → operations that nncase compiles right, for the KPU.

    Attributes:
        name: What `--legalise NAME=MODE` takes.
        op_types: ONNX operations that are looked at.
        title: What it is about, in a few words.
        modes: Mode → what it does, in a few words; `off` is always there.
        default: The mode without a request.
        apply: Changes the graph at a node and says how, or returns None and changes nothing.
        offer: A mode that is worth asking for; empty where the default is.
    """

    name: str
    op_types: frozenset[str]
    title: str
    modes: Mapping[str, str]
    default: str
    apply: Callable[[Context, onnx.NodeProto], Change | None]
    offer: str = ""
