"""Which float tensors a KPU layer computes, and the scales of its integers.

Its convolution is found first: by values, by weights and by descent together. Then its table, held
against each activation and pooling that follows in the float model, gives the codes of the result.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from harness.blame.folding import FloatWeights, float_weights
from harness.blame.link import Link, Read
from harness.blame.operators import ELEMENTWISE, POOLS
from harness.blame.places import place_of
from harness.blame.similar import cosine, factor
from harness.blame.tracker import Tracker
from harness.blame.units import (
    Codes,
    Sums,
    TableFit,
    addends,
    expected_codes,
    fit_codes,
    gains,
    table_span,
    unrounded_codes,
    weight_steps,
)
from harness.kmodel.operations import KpuConv2d

# Cosine above which a tensor is taken for the counterpart; the right one of healthy layers is
# above 0.99, and the right one of badly quantised ones still above this.
LEAST_COSINE = 0.7
LEAST_NAMED = 0.2
# What a name from nncase's graph is worth, in cosine.
NAMED = 0.02
TIE = 1e-4
# With float weights a layer computes the float tensor; borders of folded offsets may differ.
_SAME_FORM = 0.999
# A table that is so near to its function, in codes, follows a straight line. Of others, which go
# along a curve in few segments, the scale comes out wrong by 2 %; of lines it never did by 1 %.
_LINE = 0.4
_STATED, _CURVE = 0.01, 0.1
# Tables that are so much nearer to one function than to another, in codes, are of that one.
_EQUAL_CODES = 1.0
# Points that a table is compared at, at least; and sides of maps that are enough for that.
_POINTS = 4096
_SIDE = 16


def link_kpu(tracker: Tracker, link: Link, layer: KpuConv2d, x: Tensor) -> Link:
    """Complete the link of a KPU layer.

    Args:
        tracker: What was computed so far; learns the layer's result where nothing matches it.
        link: What the layer reads.
        layer: The layer.
        x: What it reads, in real numbers: [N, *shape].
    """
    known = tracker.flow.codes_of_input(layer.name)[0] or Codes(1.0, 0.0)
    sums = _sums(tracker, layer, x / known.scale)
    linear, near = _linear(tracker, layer, sums, link.sources)
    if linear is None:
        return tracker.without(link, unrounded_codes(layer, sums))
    weights = _weights(tracker, layer, link.sources, linear.tensor)
    data = factor(tracker.floats[linear.tensor], linear.place.gather(sums))
    bias = _bias_unit(layer, weights)
    exact = 0.0 if tracker.reads_unknown(layer) else _weights_unit(layer, weights, known)
    if exact and abs(bias / exact - 1) < _CURVE and tracker.correct(layer, bias / exact):
        exact = bias
    link = replace(
        link,
        linear=linear.tensor,
        linear_place=linear.place,
        unit=exact or bias or data,
        bias_unit=bias,
        weights=weights,
        cosine=near,
        same_form=weights is not None and _same_form(tracker, layer, weights, x, linear),
    )
    return _activation(tracker, link, layer, sums)


def _sums(
    tracker: Tracker, layer: KpuConv2d, x: Tensor, other: FloatWeights | None = None
) -> Tensor:
    """Return the table's input [N, *shape], with the layer's weights or with others."""
    flow = tracker.flow
    step, picked = flow.steps.get(layer.name, 1), layer.name in flow.picked
    given = (other.weights, other.bias) if other is not None else None
    sums = Sums(layer, other=given)(x.flatten(0, 1), step, picked)
    return torch.unflatten(sums, 0, x.shape[:2])


def _weights(
    tracker: Tracker, layer: KpuConv2d, sources: tuple[str, ...], linear: str
) -> FloatWeights | None:
    weights = float_weights(tracker.graph, sources, linear)
    return weights.shaped(layer.weights.shape) if weights is not None else None


def _linear(
    tracker: Tracker, layer: KpuConv2d, sums: Tensor, sources: tuple[str, ...]
) -> tuple[Read | None, float]:
    """Return the float tensor that the convolution computes, and how near it is."""
    best: tuple[float, float, Read | None] = (0.0, 0.0, None)
    for one in tracker.candidates(tuple(sums.shape[1:]), sources):
        near = cosine(tracker.floats[one.tensor], one.place.gather(sums))
        named = tracker.is_named(layer, one.tensor)
        weights = _weights(tracker, layer, sources, one.tensor)
        if weights is None and near < (LEAST_NAMED if named else LEAST_COSINE):
            continue
        same = _same_codes(layer, weights) if weights is not None else 0.0
        score = near + same + NAMED * named + (weights is not None)
        if score > best[0] + TIE:
            best = score, near, one
    return best[2], min(best[1], 1.0)


def _same_codes(layer: KpuConv2d, weights: FloatWeights) -> float:
    """Return the share of a layer's weights that are what quantising float weights gives."""
    distance = np.abs(expected_codes(weights.weights) - np.asarray(layer.weights, np.int64))
    return float((distance <= 1).mean())


def _same_form(
    tracker: Tracker, layer: KpuConv2d, weights: FloatWeights, x: Tensor, linear: Read
) -> bool:
    sums = _sums(tracker, layer, x, weights)
    return cosine(tracker.floats[linear.tensor], linear.place.gather(sums)) > _SAME_FORM


def _weights_unit(layer: KpuConv2d, weights: FloatWeights | None, known: Codes) -> float:
    """Return what a unit of the table's input stands for, from the steps of the float weights."""
    if weights is None:
        return 0.0
    largest = np.abs(weights.weights).reshape(len(weights.weights), -1).max(1)
    gain = gains(layer)
    usable = (largest > 0) & np.isfinite(largest) & (gain != 0)
    if not usable.any():
        return 0.0
    units = known.scale * weight_steps(weights.weights)[usable] / gain[usable]
    return float(np.median(units))


def _bias_unit(layer: KpuConv2d, weights: FloatWeights | None) -> float:
    """Return the same from the float bias, where that says enough."""
    if weights is None:
        return 0.0
    added = addends(layer)
    # Small ones have few bits.
    usable = (np.abs(added) > max(1000, 0.1 * np.abs(added).max())) & np.isfinite(weights.bias)
    if not usable.any():
        return 0.0
    return float(np.median(weights.bias[usable] / added[usable]))


def _activation(tracker: Tracker, link: Link, layer: KpuConv2d, sums: Tensor) -> Link:
    """Find what the layer gives after its table and its pooling, and the scale of that."""
    found = unrounded_codes(layer, sums)
    stated = tracker.flow.stated((layer.name, 0))
    scored: list[tuple[float, Read]] = []
    for name in tracker.behind(link.linear):
        place = place_of(tuple(found.shape[1:]), tracker.graph.shapes[name])
        if place is not None:
            score = cosine(tracker.floats[name], place.gather(found), centred=True)
            scored.append((score, Read(name, place)))
    if not scored:
        return tracker.without(replace(link, linear=""), found)
    near = max(score for score, _ in scored)
    fits = [(one, _fit(tracker, link, layer, one)) for score, one in scored if score >= near - TIE]
    usable = [(one, fit) for one, fit in fits if fit is not None]
    usable = [(one, fit) for one, fit in usable if _agrees(fit, stated, _STATED)] or usable
    if not usable:
        return _dead(tracker, link, layer, scored[-1][1])
    least = min(fit.worst for _, fit in usable)
    one, fit = [(one, fit) for one, fit in usable if fit.worst <= least + _EQUAL_CODES][-1]
    curve = fit.worst > _LINE
    if stated is not None and _agrees(fit, stated, _CURVE if curve else _STATED):
        return replace(link, tensor=one.tensor, place=one.place, codes=stated, fit=fit)
    if curve:
        tracker.inexact.add((layer.name, 0))
    codes = fit.codes
    return replace(link, tensor=one.tensor, place=one.place, codes=codes, fit=fit)


def _agrees(fit: TableFit, stated: Codes | None, share: float) -> bool:
    """Return whether a fitted scale is the stated one, but for a share of it."""
    return stated is None or abs(fit.codes.scale / stated.scale - 1) < share


def _dead(tracker: Tracker, link: Link, layer: KpuConv2d, one: Read) -> Link:
    """Return the link of a layer whose table gives nothing to fit: it is (nearly) constant.

    Any step would do for it, so nothing behind it tells of its weights.
    """
    codes = tracker.codes_without_scale((layer.name, 0), link.unit or 1.0)
    return replace(link, tensor=one.tensor, place=one.place, codes=codes)


def _fit(tracker: Tracker, link: Link, layer: KpuConv2d, one: Read) -> TableFit | None:
    """Hold the table against the float activation over all that the table tells apart."""
    assert link.linear_place is not None
    zero = tracker.flow.zero_point((layer.name, 0))
    if _is_local(tracker, link, one):
        shape = link.linear_place.result
        shape = (*shape[:2], *(min(side, _SIDE) for side in shape[2:]))
        sums = _ramp(layer, shape)
        codes = unrounded_codes(layer, sums).flatten(0, 1)
        known = {link.linear: (sums * link.unit).float()[:, 0]}
    else:
        sums = _ramp(layer, link.linear_place.result)
        codes = one.place.gather(unrounded_codes(layer, sums))
        known = {link.linear: link.linear_place.gather((sums * link.unit).float())}
    return fit_codes(tracker.graph.evaluate(known, one.tensor), codes, zero)


def _is_local(tracker: Tracker, link: Link, one: Read) -> bool:
    """Return whether values only meet their neighbours, so that a part of each map is enough."""
    assert link.linear_place is not None
    nodes = tracker.graph.needed({link.linear}, one.tensor)
    maps = len(link.linear_place.result) == len(one.place.tensor) == 4
    whole = one.place.kind == link.linear_place.kind == "whole"
    return maps and whole and all(node.kind in ELEMENTWISE | POOLS for node in nodes)


def _ramp(layer: KpuConv2d, shape: tuple[int, ...]) -> Tensor:
    """Return float64 [N, *shape], all over what the layer's table tells apart."""
    low, high = table_span(layer.activation)
    count = max(1, -(-_POINTS // max(1, int(np.prod(shape)))))
    generator = torch.Generator().manual_seed(0)
    sums = torch.rand((count, *shape), generator=generator, dtype=torch.float64)
    return sums * (high - low) + low
