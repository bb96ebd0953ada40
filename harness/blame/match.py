"""Which tensor of the float model each operation of a kmodel computes.

The operations are walked in running order, each with the exact float values of what it reads, so
that its result comes close to one tensor of the float model, whatever went wrong before it. Which
one is decided by values, by weights and by descent together; names from nncase's own graph count
where two come close. What follows from the pair is kept with it: the scales of codes, and the
float weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from harness.blame.flow import MOVES, PLACEMENTS, QUANTIZERS, Flow, stated_codes
from harness.blame.graph import Graph, Values
from harness.blame.kpu_layers import LEAST_COSINE, NAMED, TIE, link_kpu
from harness.blame.link import Link, Read
from harness.blame.operators import ELEMENTWISE
from harness.blame.similar import computed_alike, cosine
from harness.blame.tracker import Tracker
from harness.blame.units import Codes, TableFit, fit_codes
from harness.kmodel import operations as kinds
from harness.kmodel.memory import DType
from harness.kmodel.operations import KpuConv2d, Operation

# Where no tensor is equal to what an operation on floats gives, one is taken that is so near.
LEAST_FLOAT_COSINE = 0.9999


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
    tracker = Tracker(flow, graph, floats, given, names)
    links = {}
    for operation in flow.program.operations:
        links[operation.name] = link = _link(tracker, operation)
        tracker.keep(link)
    # Later layers may have told more of a scale than the table did that it was read from.
    return {
        name: replace(link, codes=flow.codes[name, 0]) if link.codes is not None else link
        for name, link in links.items()
    }


def _link(tracker: Tracker, operation: Operation) -> Link:
    inputs = tracker.flow.inputs(operation.name, tracker.values)
    reads = tracker.reads(operation, inputs)
    link = Link(operation, sources=tracker.sources(operation, reads), reads=reads)
    if isinstance(operation, KpuConv2d):
        return link_kpu(tracker, link, operation, inputs[0])
    if isinstance(operation, (*MOVES, *PLACEMENTS)):
        return _moved(tracker, link, inputs)
    result = tracker.flow.run_layer(operation, inputs)
    if operation.output.dtype is DType.U8:
        return _of_codes(tracker, link, result, inputs)
    return _of_floats(tracker, link, result)


def _moved(tracker: Tracker, link: Link, inputs: list[Tensor]) -> Link:
    operation, flow = link.operation, tracker.flow
    key, value = (operation.name, 0), flow.exact(operation, inputs)
    tracker.values[key] = value
    if tracker.reads_unknown(operation):
        tracker.unknown.add(key)
    if operation.output.dtype is DType.U8:
        before = flow.codes_of_input(operation.name)[0]
        codes = stated_codes(operation) if isinstance(operation, QUANTIZERS) else before
        link = replace(link, codes=codes)
    found = tracker.identify(value, link.sources)
    if found is None or found.tensor in link.sources:
        return link
    return replace(link, tensor=found.tensor, place=found.place)


def _of_floats(tracker: Tracker, link: Link, result: Tensor) -> Link:
    """Find the float tensor that an operation on floats computes."""
    found = [
        one
        for one in tracker.candidates(tracker.flow.shape(link.operation), link.sources)
        if tracker.follows(one.tensor, link.sources)
    ]
    alike = [
        one
        for one in found
        if computed_alike(tracker.floats[one.tensor], one.place.gather(result.float()))
    ]
    if not alike:
        return _nearest(tracker, link, result, found)
    # Of equal ones, such as the last steps of an iteration, it is the one that comes next.
    steps = [tracker.steps(one.tensor, link.sources) for one in alike]
    best = max(place for place, count in enumerate(steps) if count == min(steps))
    return replace(link, tensor=alike[best].tensor, place=alike[best].place, cosine=1.0)


def _of_codes(tracker: Tracker, link: Link, result: Tensor, inputs: list[Tensor]) -> Link:
    """Find the float tensor that an operation on the CPU computes in codes, such as a table."""
    found = [
        one
        for one in tracker.candidates(tracker.flow.shape(link.operation), link.sources)
        if tracker.follows(one.tensor, link.sources)
    ]
    link = _nearest(tracker, link, result, found)
    if not link.tensor or link.place is None:
        return link
    fit = _table_fit(tracker, link, inputs)
    if fit is None:
        fit = fit_codes(tracker.floats[link.tensor], link.place.gather(result.float()))
        # How far values are from it tells of their rounding before, and of no table.
        fit = replace(fit, worst=0.0) if fit is not None else None
    key = (link.operation.name, 0)
    codes = fit.codes if fit is not None else tracker.codes_without_scale(key, 1.0)
    return replace(link, codes=codes, fit=fit)


def _table_fit(tracker: Tracker, link: Link, inputs: list[Tensor]) -> TableFit | None:
    """Hold a table of 256 values against its function; None where the operation is none."""
    (before, *_), (read, *_) = tracker.flow.codes_of_input(link.operation.name), link.reads
    if not isinstance(link.operation, kinds.Lut1d) or before is None or read is None:
        return None
    nodes = tracker.graph.needed(link.sources, link.tensor)
    if any(node.kind not in ELEMENTWISE for node in nodes):
        return None
    shape = (256, *[1] * (len(read.place.tensor) - 1))
    every = before.decode(torch.arange(256).reshape(shape))
    found = tracker.graph.evaluate({read.tensor: every}, link.tensor)
    return fit_codes(found, inputs[1].double().reshape(shape).expand_as(found))


def _nearest(tracker: Tracker, link: Link, result: Tensor, found: list[Read]) -> Link:
    """Take the nearest of some float tensors, or none where none is near enough."""
    operation = link.operation
    bytes_out = operation.output.dtype is DType.U8
    best, near = None, -1.0
    for one in found:
        value = one.place.gather(result.float())
        score = cosine(tracker.floats[one.tensor], value, centred=bytes_out)
        score += NAMED * tracker.is_named(operation, one.tensor)
        if score >= near - TIE:
            best, near = one, max(score, near)
    own = bytes_out or isinstance(operation, kinds.Resize)
    if best is None or near < (LEAST_COSINE if own else LEAST_FLOAT_COSINE):
        return tracker.without(link, result)
    return replace(link, tensor=best.tensor, place=best.place, cosine=min(near, 1.0))
