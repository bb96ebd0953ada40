"""Which float tensors lie where, while the operations of a kmodel are walked in running order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from harness.blame.flow import Flow
from harness.blame.graph import Graph, Values
from harness.blame.link import Link, Read
from harness.blame.operators import ELEMENTWISE, MOVEMENTS, POOLS, RESHAPES
from harness.blame.places import place_of
from harness.blame.similar import moved_alike
from harness.blame.units import Codes
from harness.kmodel.memory import DType
from harness.kmodel.operations import Operation
from harness.simulator.dataflow import Key

REMARK = "no counterpart in the ONNX model: its own arithmetic stands for float"


class Tracker:
    """Values and names of what has been computed so far.

    Args:
        flow: The program.
        graph: The float model.
        floats: Every float tensor for a few pictures.
        given: What the bytes of the input stand for.
        names: For some operations, the ONNX node that nncase's graph names.

    Attributes:
        values: Results in real numbers, those of the float model where there is a counterpart.
        tensors: The float tensors that each result holds, or is made of.
        unknown: Results whose unit is not that of the float model: nothing said it.
        inexact: Results whose scale is known to a few per cent: it was read from a curve.
    """

    def __init__(
        self, flow: Flow, graph: Graph, floats: Values, given: Codes, names: Mapping[str, str]
    ) -> None:
        self.flow, self.graph, self.floats, self._names = flow, graph, floats, names
        port = flow.program.inputs[0]
        key, picture = (port.name, 0), floats[graph.input]
        self.values: dict[Key, Tensor] = {key: picture.reshape(len(picture), *port.buffer.shape)}
        self.tensors: dict[Key, tuple[str, ...]] = {key: (graph.input,)}
        self.unknown: set[Key] = set()
        self.inexact: set[Key] = set()
        flow.codes[key] = given

    def reads(self, operation: Operation, inputs: Sequence[Tensor]) -> tuple[Read | None, ...]:
        """Return which float tensor each input of an operation holds."""
        made_of = [self._made_of(keys) for keys in self.flow.sources(operation.name)]
        return tuple(
            self.identify(value, names) for value, names in zip(inputs, made_of, strict=True)
        )

    def sources(self, operation: Operation, reads: Iterable[Read | None]) -> tuple[str, ...]:
        """Return the float tensors that an operation's inputs hold, or are made of."""
        found: list[str] = []
        for read, keys in zip(reads, self.flow.sources(operation.name), strict=True):
            found.extend([read.tensor] if read is not None else self._made_of(keys))
        return tuple(dict.fromkeys(found))

    def _made_of(self, keys: Iterable[Key]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for key in keys for name in self.tensors[key]))

    def identify(self, value: Tensor, made_of: Sequence[str]) -> Read | None:
        """Return the float tensor that a value is, which was made by moving others about."""
        for name in self._moved(made_of):
            place = place_of(tuple(value.shape[1:]), self.graph.shapes[name])
            if place is not None and moved_alike(self.floats[name], place.gather(value)):
                return Read(name, place)
        return None

    def _moved(self, made_of: Sequence[str]) -> Iterator[str]:
        """Yield tensors, and those that consist of their values, the nearest first."""
        if len(made_of) == 1:
            yield made_of[0]
        yield from self._reached(made_of, MOVEMENTS)

    def behind(self, linear: str) -> Iterator[str]:
        """Yield a tensor and all that follow from it by activations and pooling alone."""
        yield linear
        yield from self._reached((linear,), ELEMENTWISE | POOLS | RESHAPES)

    def _reached(self, start: Sequence[str], kinds: frozenset[str]) -> Iterator[str]:
        reached = set(start)
        for node in self.graph.nodes if reached else ():
            moving = [one for one in node.inputs if one and one not in self.graph.constants]
            if node.kind in kinds and reached.issuperset(moving):
                reached.update(node.outputs)
                yield from (name for name in node.outputs if name in self.graph.shapes)

    def candidates(self, shape: tuple[int, ...], sources: Sequence[str]) -> Iterator[Read]:
        """Yield the float tensors that come after what is read, and fit into a result."""
        nothing: frozenset[str] = frozenset()
        before = nothing.union(*(self.graph.ancestors[name] for name in sources))
        for name in self.graph.producer:
            if name not in self.graph.shapes or name in before:
                continue
            if not all(source in self.graph.ancestors[name] for source in sources):
                continue
            place = place_of(shape, self.graph.shapes[name])
            if place is not None:
                yield Read(name, place)

    def follows(self, tensor: str, sources: Sequence[str]) -> bool:
        """Return whether a tensor can be computed from others, and from nothing else."""
        try:
            self.graph.needed(sources, tensor)
        except KeyError:
            return False
        return True

    def steps(self, tensor: str, sources: Sequence[str]) -> int:
        """Return how many nodes that compute anything lead to a tensor."""
        nodes = self.graph.needed(sources, tensor)
        return sum(node.kind not in RESHAPES for node in nodes)

    def is_named(self, operation: Operation, tensor: str) -> bool:
        """Return whether nncase's graph names the node that makes a tensor."""
        name = self._names.get(operation.name, "?")
        return name in (self.graph.producer[tensor].name, tensor)

    def reads_unknown(self, operation: Operation) -> bool:
        """Return whether the unit of anything that an operation reads is not known."""
        return any(key in self.unknown for key in self.flow.keys(operation.name))

    def correct(self, operation: Operation, scale: float) -> bool:
        """Multiply the scale of what an operation reads, if that was not known well.

        Returns:
            Whether it was not: nothing is changed otherwise.
        """
        keys = set().union(*map(self.flow.same_codes, self.flow.keys(operation.name)))
        if not keys & self.inexact:
            return False
        for key in keys & set(self.flow.codes):
            codes = self.flow.codes[key]
            self.flow.codes[key] = replace(codes, scale=codes.scale * scale)
        self.inexact -= keys
        return True

    def codes_without_scale(self, key: Key, scale: float) -> Codes:
        """Return what codes stand for that only their readers can say, or else a guess."""
        stated = self.flow.stated(key)
        if stated is not None:
            return stated
        self.unknown.add(key)
        return Codes(scale, self.flow.zero_point(key) or 0.0)

    def without(self, link: Link, result: Tensor) -> Link:
        """Complete the link of an operation that computes nothing the float model shows.

        Args:
            link: What is known of it.
            result: What it gives, codes where it gives codes: [N, *shape].
        """
        key = (link.operation.name, 0)
        if link.operation.output.dtype is not DType.U8:
            self.values[key] = result.float()
            return replace(link, remark=REMARK)
        codes = self.codes_without_scale(key, 1.0)
        self.values[key] = codes.decode(result)
        return replace(link, codes=codes, remark=REMARK)

    def keep(self, link: Link) -> None:
        """Go on with the float model's own values, where an operation has a counterpart."""
        first = (link.operation.name, 0)
        if link.tensor and link.place is not None:
            self.values[first] = link.place.spread(self.floats[link.tensor])
        for index in range(len(link.operation.outputs)):
            key = (link.operation.name, index)
            self.values[key] = self.values[first]
            self.tensors[key] = (link.tensor,) if link.tensor else link.sources
            if link.codes is not None:
                self.flow.codes[key] = link.codes
            if first in self.unknown:
                self.unknown.add(key)
