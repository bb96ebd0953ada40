"""Layers of which a stride behind them wants only some results.

nncase makes a depthwise layer with stride 2 of one at full resolution, and lets the 1x1 layer
behind it pick every second line and column. What is not picked need not be computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from harness.kmodel.operations import KpuConv2d, Pooling
from harness.kmodel.program import Program
from harness.simulator.dataflow import Key, Whole

_FROM_THE_CORNER = frozenset({Pooling.LEFT_TOP_2_STRIDE_2, Pooling.LEFT_TOP_4_STRIDE_4})


@dataclass(frozen=True)
class Pick:
    """A pair of layers: the second looks at every `step`-th line and column of the first."""

    producer: str
    consumer: str
    step: int


def find_picks(program: Program, reads: nn.ModuleDict, uses: Mapping[Key, int]) -> list[Pick]:
    """Return the pairs in which nobody else reads the first layer's result."""
    layers = {o.name: o for o in program.operations if isinstance(o, KpuConv2d)}
    picks: list[Pick] = []
    for consumer in layers.values():
        read: Any = reads[consumer.name]
        if consumer.kernel > 1 or consumer.pooling not in _FROM_THE_CORNER:
            continue
        if not isinstance(read[0], Whole):
            continue
        key = read[0].keys[0]
        producer = layers.get(key[0])
        if producer is None or producer.pooling is not Pooling.NONE or uses[key] > 1:
            continue
        if producer.output.shape == consumer.input.shape:
            picks.append(Pick(producer.name, consumer.name, consumer.pooling.stride))
    return picks
