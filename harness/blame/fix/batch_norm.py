"""Batch norms folded into the convolution before them, as nncase does it too."""

from __future__ import annotations

import numpy as np

from harness.blame.fix.model import Model
from harness.compiler.legalise.graph import attribute


def fold_batch_norms(model: Model) -> None:
    """Fold each batch norm that alone reads a convolution with stored weights."""
    for node in list(model.nodes):
        norm = model.only_reader(node.output[0]) if node.op_type == "Conv" else None
        weights = model.constant(node, 1)
        if norm is None or norm.op_type != "BatchNormalization" or weights is None:
            continue
        tables = [model.constant(norm, index) for index in range(1, 5)]
        bias = model.constant(node, 2) if len(node.input) > 2 else np.zeros(len(weights))
        if bias is None or any(table is None for table in tables):
            continue
        scale, shift, mean, variance = (np.asarray(table, np.float64) for table in tables)
        factor = scale / np.sqrt(variance + attribute(norm, "epsilon", 1e-5))
        model.set_constant(node, 1, weights * factor[:, None, None, None])
        model.set_constant(node, 2, (bias - mean) * factor + shift)
        node.output[0] = norm.output[0]
        model.replace(norm, ())
