"""Batch norms folded into the convolution before them, as nncase does it too."""

from __future__ import annotations

import numpy as np

from harness.blame.fix.model import Model
from harness.compiler.legalise.batch_norm import BatchNorm


def fold_batch_norms(model: Model) -> None:
    """Fold each batch norm that alone reads a convolution with stored weights."""
    for node in list(model.nodes):
        reader = model.only_reader(node.output[0]) if node.op_type == "Conv" else None
        norm = BatchNorm.read(model, reader) if reader is not None else None
        weights = model.constant(node, 1)
        if reader is None or norm is None or weights is None:
            continue
        bias = model.constant(node, 2) if len(node.input) > 2 else np.zeros(len(weights))
        if bias is None:
            continue
        model.set_constant(node, 1, weights * norm.factor[:, None, None, None])
        model.set_constant(node, 2, norm.of_bias(bias))
        node.output[0] = reader.output[0]
        model.replace(reader, ())
