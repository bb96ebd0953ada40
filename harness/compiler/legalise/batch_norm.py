"""Batch normalisation as it runs: one factor and one addend a channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from harness.compiler.legalise.graph import Array, Graph, attribute

TABLES = range(1, 5)
EPSILON = 1e-5


@dataclass(frozen=True)
class BatchNorm:
    """`(x - mean) * factor + shift`.

    Attributes:
        factor: One value a channel.
        mean: One value a channel.
        shift: One value a channel.
    """

    factor: Array
    mean: Array
    shift: Array

    @classmethod
    def of(cls, tables: Sequence[Array], epsilon: float) -> BatchNorm:
        """Return the normalisation of scale, shift, mean and variance, in their precision."""
        scale, shift, mean, variance = tables
        return cls(scale / np.sqrt(variance + epsilon), mean, shift)

    @classmethod
    def read(cls, graph: Graph, node: onnx.NodeProto) -> BatchNorm | None:
        """Return that of a node; None if it is no such node or its tables are computed."""
        if node.op_type != "BatchNormalization":
            return None
        stored = [graph.constant(node, place) for place in TABLES]
        tables = [table for table in stored if table is not None]
        whole = len(tables) == len(stored)
        return cls.of(tables, attribute(node, "epsilon", EPSILON)) if whole else None

    def of_bias(self, bias: Array) -> Array:
        """Return what becomes of the bias of the layer before it."""
        return np.asarray((bias - self.mean) * self.factor + self.shift)
