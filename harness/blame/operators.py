"""Kinds of ONNX operators, by what they do to the values that they read."""

from __future__ import annotations

# These compute each element from the elements at its own place, and constants.
ELEMENTWISE = frozenset(
    {
        *("Abs", "Add", "Clip", "Div", "Dropout", "Elu", "Erf", "Exp", "HardSigmoid", "HardSwish"),
        *("Identity", "LeakyRelu", "Max", "Min", "Mul", "Neg", "PRelu", "Pow", "Relu", "Selu"),
        *("Sigmoid", "Softplus", "Sqrt", "Sub", "Tanh"),
    }
)
POOLS = frozenset({"AveragePool", "MaxPool"})
# These keep values and their order.
RESHAPES = frozenset({"Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
# These move values about, and change none.
MOVEMENTS = RESHAPES | {
    *("Concat", "DepthToSpace", "Expand", "Gather", "Pad", "Slice", "SpaceToDepth", "Split"),
    "Transpose",
}
