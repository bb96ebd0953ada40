"""Which tensor of the float model each operation of a kmodel computes.

The operations are walked in running order, each with the exact float values of what it reads, so
that its result comes close to one tensor of the float model, whatever went wrong before it. Which
one is decided by values, by weights and by descent together; names from nncase's own graph count
where two come close. What follows from the pair is kept with it: the scales of codes, and the
float weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from harness.blame.flow import DEQUANTIZERS, MOVES, PLACEMENTS, QUANTIZERS, Flow, stated_codes
from harness.blame.folding import FloatWeights, float_weights
from harness.blame.graph import Graph, Values
from harness.blame.kernels import ELEMENTWISE, POOLS, RESHAPES
from harness.blame.places import Place, place_of
from harness.blame.units import (
    Codes,
    Sums,
    TableFit,
    addends,
    expected_codes,
    fit_codes,
    gains,
    pooled,
    table_span,
    tabled,
    weight_steps,
)
from harness.kmodel import operations as kinds
from harness.kmodel.memory import DType
from harness.kmodel.operations import KpuConv2d, Operation
from harness.simulator.dataflow import Key

# Cosine above which a tensor is taken for the counterpart; the right one of healthy layers is
# above 0.99, and the right one of badly quantised ones still above this.
LEAST_COSINE = 0.7
LEAST_NAMED = 0.2
# Operations on floats give the float tensor itself, but for resizing in nncase's own way.
LEAST_FLOAT_COSINE = 0.9999
# With float weights a layer computes the float tensor; borders of folded offsets may differ.
SAME_FORM = 0.999
# What a name from nncase's graph is worth, in cosine.
_NAMED = 0.02
_TIE = 1e-4
# Points that a table is compared at, at least; and sides of maps that are enough for that.
_POINTS = 4096
_SIDE = 16
# Values that a cosine is taken over, about.
_SAMPLE = 1 << 16


@dataclass(frozen=True)
class Link:
    """An operation of the kmodel beside the float model.

    Attributes:
        operation: The operation.
        tensor: The float tensor that it computes; "" where there is none.
        place: How that lies in its result.
        sources: Float tensors that it reads.
        linear: The float tensor behind its convolution and before its activation.
        linear_place: How that lies in the convolution's result.
        unit: What one unit of the activation table's input stands for; 0 where it is not known.
        bias_unit: The same, taken from the float bias; 0 where the bias does not say.
        weights: The float weights; None where they are not known.
        codes: What the codes of its result stand for; None for floats.
        fit: How the codes were found from the table.
        cosine: How near its result came to the float tensor with exact inputs.
        same_form: Whether the layer would compute the float tensor if it had the float weights.
        remark: What has no counterpart, and what stands in; "" where all has.
    """

    operation: Operation
    tensor: str = ""
    place: Place | None = None
    sources: tuple[str, ...] = ()
    linear: str = ""
    linear_place: Place | None = None
    unit: float = 0.0
    bias_unit: float = 0.0
    weights: FloatWeights | None = None
    codes: Codes | None = None
    fit: TableFit | None = None
    cosine: float = 0.0
    same_form: bool = False
    remark: str = ""


def match(
    flow: Flow, graph: Graph, floats: Values, given: Codes, names: Mapping[str, str]
) -> dict[str, Link]:
    """Return the link of every operation, and tell `flow` what all codes stand for.

    Args:
        flow: The program.
        graph: The float model.
        floats: Every float tensor for a few pictures.
        given: What the bytes of the input stand for.
        names: For some operations, the ONNX node that nncase's graph names.
    """
    return _Matcher(flow, graph, floats, names).run(given)


class _Matcher:
    def __init__(self, flow: Flow, graph: Graph, floats: Values, names: Mapping[str, str]) -> None:
        self.flow, self.graph, self.floats, self.names = flow, graph, floats, names
        self.values: dict[Key, Tensor] = {}
        self.tensors: dict[Key, tuple[str, ...]] = {}
        # Results whose unit is not that of the float model: nothing said it.
        self.unknown: set[Key] = set()

    def run(self, given: Codes) -> dict[str, Link]:
        port = self.flow.program.inputs[0]
        key = (port.name, 0)
        picture = self.floats[self.graph.input]
        self.values[key] = picture.reshape(len(picture), *port.buffer.shape)
        self.tensors[key], self.flow.codes[key] = (self.graph.input,), given
        links = {}
        for operation in self.flow.program.operations:
            links[operation.name] = self._link(operation)
        return links

    def _link(self, operation: Operation) -> Link:
        keys = self.flow.keys(operation.name)
        sources = tuple(dict.fromkeys(name for key in keys for name in self.tensors[key]))
        inputs = self.flow.inputs(operation.name, self.values)
        if isinstance(operation, KpuConv2d):
            link = self._kpu(operation, inputs[0], sources)
        elif isinstance(operation, (*MOVES, *PLACEMENTS)):
            link = self._moved(operation, keys, inputs, sources)
        else:
            link = self._cpu(operation, inputs, sources)
        for index in range(len(operation.outputs)):
            self._keep(link, (operation.name, index))
        return link

    def _keep(self, link: Link, key: Key) -> None:
        """Go on with the float model's own values, where the operation has a counterpart."""
        if link.tensor and link.place is not None:
            self.values[key] = link.place.spread(self.floats[link.tensor])
            self.tensors[key] = (link.tensor,)
        else:
            self.values[key] = self.values[link.operation.name, 0]
            self.tensors[key] = link.sources
        if link.codes is not None:
            self.flow.codes[key] = link.codes

    def _moved(
        self, operation: Operation, keys: list[Key], inputs: list[Tensor], sources: tuple[str, ...]
    ) -> Link:
        key = (operation.name, 0)
        self.values[key] = self.flow.exact(operation, inputs)
        if any(one in self.unknown for one in keys):
            self.unknown.add(key)
        codes = None
        if operation.output.dtype is DType.U8:
            quantizer = isinstance(operation, QUANTIZERS)
            codes = stated_codes(operation) if quantizer else self.flow.codes.get(keys[0])
        return Link(operation, sources=sources, codes=codes)

    def _cpu(self, operation: Operation, inputs: list[Tensor], sources: tuple[str, ...]) -> Link:
        result = self.flow.run_layer(operation, inputs)
        self.values[operation.name, 0] = result.float()
        bytes_out = operation.output.dtype is DType.U8
        best, near = "", -1.0
        for name, place in self._candidates(self.flow.shape(operation), sources):
            score = _cosine(self.floats[name], place.gather(result.float()), bytes_out)
            score += _NAMED * (self._named(operation) in self._made_by(name))
            if score >= near - _TIE:
                best, near = name, max(score, near)
        own = bytes_out or isinstance(operation, kinds.Resize)
        least = LEAST_COSINE if own else LEAST_FLOAT_COSINE
        if not best or near < least or not self._follows(best, sources):
            return self._without(operation, sources)
        found = place_of(self.flow.shape(operation), self.graph.shapes[best])
        fit = None
        if bytes_out and found is not None:
            fit = fit_codes(self.floats[best], found.gather(result.float()))
        codes = fit.codes if fit else None
        return Link(operation, best, found, sources, codes=codes, fit=fit, cosine=min(near, 1.0))

    def _follows(self, tensor: str, sources: tuple[str, ...]) -> bool:
        """Return whether a tensor can be computed from what an operation reads, and no more."""
        try:
            self.graph.needed(sources, tensor)
        except KeyError:
            return False
        return True

    def _without(self, operation: Operation, sources: tuple[str, ...]) -> Link:
        """Return the link of an operation that computes nothing the float model shows."""
        remark = "no counterpart in the ONNX model: its own arithmetic stands for float"
        if operation.output.dtype is not DType.U8:
            return Link(operation, sources=sources, remark=remark)
        self.unknown.add((operation.name, 0))
        zero = self._zero_point((operation.name, 0)) or 0.0
        self.values[operation.name, 0] = self.values[operation.name, 0] - zero
        return Link(operation, sources=sources, codes=Codes(1.0, zero), remark=remark)

    def _kpu(self, layer: KpuConv2d, x: Tensor, sources: tuple[str, ...]) -> Link:
        known = self.flow.codes_of_input(layer.name)[0]
        assert known is not None
        step, picked = self.flow.steps.get(layer.name, 1), layer.name in self.flow.picked
        sums = Sums(layer)(x.flatten(0, 1) / known.scale, step, picked)
        sums = torch.unflatten(sums, 0, x.shape[:2])
        linear, near = self._linear(layer, sums, sources)
        if not linear:
            out = pooled(tabled(layer.activation, sums.flatten(0, 1)), layer.pooling)
            self.values[layer.name, 0] = torch.unflatten(out.float(), 0, x.shape[:2])
            return self._without(layer, sources)
        place = place_of(tuple(sums.shape[1:]), self.graph.shapes[linear])
        assert place is not None
        weights = float_weights(self.graph, sources, linear)
        weights = weights.shaped(layer.weights.shape) if weights else None
        data = _scale(self.floats[linear], place.gather(sums))
        exact = 0.0 if self._unknown_input(layer) else _weights_unit(layer, weights, known)
        bias = _bias_unit(layer, weights)
        unit = exact or bias or data
        same = weights is not None and self._same_form(layer, weights, x, linear, place)
        link = Link(
            layer, "", None, sources, linear, place, unit, bias, weights, None, None, near, same
        )
        return self._activation(link, layer, sums)

    def _same_form(
        self, layer: KpuConv2d, weights: FloatWeights, x: Tensor, linear: str, place: Place
    ) -> bool:
        step, picked = self.flow.steps.get(layer.name, 1), layer.name in self.flow.picked
        form = Sums(layer, other=(weights.weights, weights.bias))
        sums = torch.unflatten(form(x.flatten(0, 1), step, picked), 0, x.shape[:2])
        return _cosine(self.floats[linear], place.gather(sums)) > SAME_FORM

    def _linear(
        self, layer: KpuConv2d, sums: Tensor, sources: tuple[str, ...]
    ) -> tuple[str, float]:
        """Return the float tensor that the convolution computes, and how near it is."""
        best: tuple[float, float, str] = (0.0, 0.0, "")
        for name, place in self._candidates(tuple(sums.shape[1:]), sources):
            cosine = _cosine(self.floats[name], place.gather(sums))
            named = self._named(layer) in self._made_by(name)
            weights = float_weights(self.graph, sources, name)
            weights = weights.shaped(layer.weights.shape) if weights else None
            if weights is None and cosine < (LEAST_NAMED if named else LEAST_COSINE):
                continue
            same = _same_codes(layer, weights) if weights else 0.0
            score = cosine + same + _NAMED * named + (weights is not None)
            if score > best[0] + _TIE:
                best = score, cosine, name
        return best[2], min(best[1], 1.0)

    def _activation(self, link: Link, layer: KpuConv2d, sums: Tensor) -> Link:
        """Find what the layer gives after its table and its pooling, and the scale of that."""
        assert link.linear_place is not None
        flat = pooled(tabled(layer.activation, sums.flatten(0, 1)), layer.pooling)
        found = torch.unflatten(flat.float(), 0, sums.shape[:2])
        self.values[layer.name, 0] = found
        stated = self._stated((layer.name, 0))
        scored: list[tuple[float, str, Place]] = []
        for name in self._behind(link.linear):
            place = place_of(tuple(found.shape[1:]), self.graph.shapes[name])
            if place is not None:
                score = _cosine(self.floats[name], place.gather(found), centred=True)
                scored.append((score, name, place))
        if not scored:
            return link
        near = max(score for score, *_ in scored)
        tied = [one for one in scored if one[0] >= near - _TIE]
        fitted = [(*one, self._fit(link, layer, one[1], one[2])) for one in tied]
        best = [one for one in fitted if one[3] is not None]
        best = [one for one in best if _agrees(one[3], stated)] or best
        if not best:
            return self._dead(link, layer, scored[-1][1], scored[-1][2], stated)
        _, name, place, fit = best[-1]
        assert fit is not None
        codes = stated if stated is not None and _agrees(fit, stated) else fit.codes
        return _replaced(link, name, place, codes, fit, min(link.cosine, 1.0))

    def _dead(
        self, link: Link, layer: KpuConv2d, name: str, place: Place, stated: Codes | None
    ) -> Link:
        """Return the link of a layer whose table gives nothing to fit: it is (nearly) constant."""
        zero = self._zero_point((layer.name, 0)) or 0.0
        codes = stated or Codes(link.unit or 1.0, zero)
        if stated is None:  # any step would do for it, so nothing behind it tells of its weights
            self.unknown.add((layer.name, 0))
        return _replaced(link, name, place, codes, None, link.cosine)

    def _fit(self, link: Link, layer: KpuConv2d, name: str, place: Place) -> TableFit | None:
        """Hold the table against the float activation over all that the table tells apart."""
        assert link.linear_place is not None
        nodes = self.graph.needed({link.linear}, name)
        shape = link.linear_place.result
        # Where values only meet their neighbours, a part of each map tells as much as the whole.
        local = len(shape) == 4 and all(node.kind in ELEMENTWISE | POOLS for node in nodes)
        if local and place.kind == link.linear_place.kind == "whole" and len(place.tensor) == 4:
            shape = (*shape[:2], *(min(side, _SIDE) for side in shape[2:]))
        else:
            local = False
        sums = _ramp(layer, shape)
        codes = pooled(tabled(layer.activation, sums.flatten(0, 1)), layer.pooling)
        linear = (sums * link.unit).float()
        if local:
            activated = self.graph.evaluate({link.linear: linear[:, 0]}, name)
            return fit_codes(activated, codes, self._zero_point((layer.name, 0)))
        codes = place.gather(torch.unflatten(codes, 0, sums.shape[:2]))
        known = {link.linear: link.linear_place.gather(linear)}
        activated = self.graph.evaluate(known, name)
        return fit_codes(activated, codes, self._zero_point((layer.name, 0)))

    def _behind(self, linear: str) -> Iterator[str]:
        """Yield a tensor and all that follow from it by activations and pooling alone."""
        reached = {linear}
        yield linear
        for node in self.graph.nodes:
            moving = [one for one in node.inputs if one and one not in self.graph.constants]
            if node.kind in ELEMENTWISE | POOLS | RESHAPES and reached.issuperset(moving):
                reached.update(node.outputs)
                yield from (name for name in node.outputs if name in self.graph.shapes)

    def _candidates(
        self, shape: tuple[int, ...], sources: tuple[str, ...]
    ) -> Iterator[tuple[str, Place]]:
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
                yield name, place

    def _named(self, operation: Operation) -> str:
        return self.names.get(operation.name, "?")

    def _made_by(self, tensor: str) -> tuple[str, str]:
        return self.graph.producer[tensor].name, tensor

    def _unknown_input(self, layer: KpuConv2d) -> bool:
        return any(key in self.unknown for key in self.flow.keys(layer.name))

    def _zero_point(self, key: Key) -> float | None:
        """Return the code that the readers of a result take for zero; None if none says it."""
        for consumer in self.flow.consumers(key):
            if isinstance(consumer, KpuConv2d):
                return float(-consumer.registers.arg_w / 2**consumer.registers.shift_w)
            stated = stated_codes(consumer) if isinstance(consumer, DEQUANTIZERS) else None
            if stated is not None:
                return stated.zero_point
            if isinstance(consumer, MOVES) and consumer.output.dtype is DType.U8:
                found = self._zero_point((consumer.name, 0))
                if found is not None:
                    return found
        return None

    def _stated(self, key: Key) -> Codes | None:
        """Return the scale that a dequantisation behind a result states, if there is one."""
        for consumer in self.flow.consumers(key):
            if isinstance(consumer, DEQUANTIZERS):
                return stated_codes(consumer)
            if isinstance(consumer, MOVES) and consumer.output.dtype is DType.U8:
                found = self._stated((consumer.name, 0))
                if found is not None:
                    return found
        return None


def _ramp(layer: KpuConv2d, shape: tuple[int, ...]) -> Tensor:
    """Return float64 [N, *shape], all over what the layer's table tells apart."""
    low, high = table_span(layer.activation)
    count = max(1, -(-_POINTS // max(1, int(np.prod(shape)))))
    generator = torch.Generator().manual_seed(0)
    sums = torch.rand((count, *shape), generator=generator, dtype=torch.float64)
    return sums * (high - low) + low


def _same_codes(layer: KpuConv2d, weights: FloatWeights) -> float:
    """Return the share of a layer's weights that are what quantising float weights gives."""
    distance = np.abs(expected_codes(weights.weights) - np.asarray(layer.weights, np.int64))
    return float((distance <= 1).mean())


def _replaced(
    link: Link, tensor: str, place: Place, codes: Codes, fit: TableFit | None, cosine: float
) -> Link:
    return replace(link, tensor=tensor, place=place, codes=codes, fit=fit, cosine=cosine)


def _agrees(fit: TableFit | None, stated: Codes | None) -> bool:
    """Return whether a fitted scale is the stated one, to one in a hundred."""
    if fit is None or stated is None:
        return stated is None
    return abs(fit.codes.scale / stated.scale - 1) < 0.01


def _cosine(reference: Tensor, candidate: Tensor, centred: bool = False) -> float:
    a, b = _sample(reference), _sample(candidate)
    known = torch.isfinite(a) & torch.isfinite(b)
    a, b = a[known], b[known]
    if not len(a):
        return 0.0
    if centred:
        a, b = a - a.mean(), b - b.mean()
    norms = math.sqrt(float(torch.dot(a, a)) * float(torch.dot(b, b)))
    return float(torch.dot(a, b)) / norms if norms else 0.0


def _sample(values: Tensor) -> Tensor:
    """Return so many values, spread over all, that a cosine is known well enough."""
    flat = values.reshape(-1)
    # An odd step does not keep to one column of a map.
    step = max(1, len(flat) // _SAMPLE) | 1
    return flat[::step].double()


def _scale(reference: Tensor, sums: Tensor) -> float:
    """Return the factor that brings sums nearest to floats."""
    a, b = _sample(reference), _sample(sums)
    known = torch.isfinite(b)
    power = float(b[known] @ b[known])
    return float(a[known] @ b[known]) / power if power else 0.0


def _weights_unit(layer: KpuConv2d, weights: FloatWeights | None, known: Codes) -> float:
    """Return what a unit of the table's input stands for, from the steps of the float weights."""
    if weights is None:
        return 0.0
    largest = np.abs(weights.weights).reshape(len(weights.weights), -1).max(1)
    gain = gains(layer)
    usable = (largest > 0) & (gain != 0)
    if not usable.any():
        return 0.0
    units = known.scale * weight_steps(weights.weights)[usable] / gain[usable]
    return float(np.median(units))


def _bias_unit(layer: KpuConv2d, weights: FloatWeights | None) -> float:
    """Return the same from the float bias, where that says enough."""
    if weights is None:
        return 0.0
    added = addends(layer)
    usable = np.abs(added) > 1000
    if not usable.any():
        return 0.0
    return float(np.median(weights.bias[usable] / added[usable]))
