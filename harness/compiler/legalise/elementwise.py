"""ONNX activations: each element by itself."""

from __future__ import annotations

ELEMENTWISE = frozenset(
    {"Clip", "Elu", "HardSigmoid", "HardSwish", "LeakyRelu", "Relu", "Sigmoid", "Tanh"}
)
