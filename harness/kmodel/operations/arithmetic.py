"""Operations that compute each element from the elements at its own place, and reductions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from harness.kmodel.operations.base import NO_CLAMP, Clamp, Operation


class BinaryOp(Enum):
    """Functions of two elements."""

    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    DIV = "div"
    MIN = "min"
    MAX = "max"
    POW = "pow"
    FLOOR_DIV = "floor_div"
    FLOOR_MOD = "floor_mod"
    BITWISE_AND = "bitwise_and"
    BITWISE_OR = "bitwise_or"
    BITWISE_XOR = "bitwise_xor"
    LOGICAL_AND = "logical_and"
    LOGICAL_OR = "logical_or"
    LOGICAL_XOR = "logical_xor"


class UnaryOp(Enum):
    """Functions of one element."""

    ABS = "abs"
    ACOS = "acos"
    ASIN = "asin"
    CEIL = "ceil"
    COS = "cos"
    EXP = "exp"
    FLOOR = "floor"
    LOG = "log"
    NEG = "neg"
    ROUND = "round"
    RSQRT = "rsqrt"
    SIGN = "sign"
    SIN = "sin"
    SQRT = "sqrt"
    SQUARE = "square"
    TANH = "tanh"
    BITWISE_NOT = "bitwise_not"
    LOGICAL_NOT = "logical_not"
    ERF = "erf"


class CompareOp(Enum):
    """Comparisons of two elements."""

    EQUAL = "equal"
    NOT_EQUAL = "not_equal"
    GREATER = "greater"
    GREATER_EQUAL = "greater_equal"
    LESS = "less"
    LESS_EQUAL = "less_equal"


class ReduceOp(Enum):
    """Ways to make one value of many."""

    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    SUM = "sum"


class Activation(Enum):
    """Activations that v3 fuses into float layers."""

    LINEAR = "linear"
    RELU = "relu"
    RELU6 = "relu6"


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Binary(Operation):
    """`clamp(op(a, b))` with broadcasting. Inputs: a, b."""

    op: BinaryOp
    clamp: Clamp = NO_CLAMP


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Unary(Operation):
    """`op(x)`."""

    op: UnaryOp


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class UnaryProgram(Operation):
    """A function of one float element in nncase 0.2's little stack language (NNIL, v4).

    Attributes:
        code: uint8, the byte code.
    """

    code: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Compare(Operation):
    """`op(a, b)` with broadcasting, as bool. Inputs: a, b (v5)."""

    op: CompareOp


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Ternary(Operation):
    """`b if a else c` with broadcasting. Inputs: a, b, c (v5)."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Convert(Operation):
    """The same values in another element type (v5)."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Sigmoid(Operation):
    """`1 / (1 + exp(-x))` in float."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Softmax(Operation):
    """`exp(beta * (x - max)) / sum` along an axis.

    Attributes:
        axis: From 0.
        beta: Factor of the exponent.
        least_max: The maximum is at least this; v3 starts its search at the smallest positive
            normal float32, so that with negative inputs the exponents differ.
    """

    axis: int
    beta: float = 1.0
    least_max: float = float("-inf")


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Hardmax(Operation):
    """1 at the first maximum along an axis, 0 elsewhere (v5)."""

    axis: int


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class L2Normalization(Operation):
    """`x / sqrt(max(sum(x^2), 1e-10))` over all elements (v3)."""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class LayerNormalization(Operation):
    """Normalisation over the axes from `axis` on. Inputs: x, scale, bias (v5)."""

    axis: int
    epsilon: float


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Reduce(Operation):
    """One value for all elements along some axes.

    Attributes:
        op: How.
        axes: From 0, ascending.
        keep_dims: Whether the output keeps the axes with size 1.
        initial: Value to start from.
    """

    op: ReduceOp
    axes: tuple[int, ...]
    keep_dims: bool
    initial: float


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ReduceArg(Operation):
    """Index of the least or greatest element along axes (v5).

    Attributes:
        largest: Whether the greatest is wanted.
        axes: From 0.
        keep_dims: Whether the output keeps the axes with size 1.
        select_last: Whether the last of equal elements is taken.
    """

    largest: bool
    axes: tuple[int, ...]
    keep_dims: bool
    select_last: bool


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class ReduceProd(Operation):
    """Product of all elements along some axes (v5)."""

    axes: tuple[int, ...]
    keep_dims: bool


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Cumsum(Operation):
    """Running sum along an axis (v5)."""

    axis: int
    exclusive: bool
    reverse: bool
