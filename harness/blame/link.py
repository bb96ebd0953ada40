"""An operation of the kmodel beside the float model: what belongs together, and in which units."""

from __future__ import annotations

from dataclasses import dataclass

from harness.blame.folding import FloatWeights
from harness.blame.places import Place
from harness.blame.units import Codes, TableFit
from harness.kmodel.operations import Operation


@dataclass(frozen=True)
class Read:
    """A float tensor that an operation reads, and how it lies in that input."""

    tensor: str
    place: Place


@dataclass(frozen=True)
class Link:
    """An operation of the kmodel beside the float model.

    Attributes:
        operation: The operation.
        tensor: The float tensor that it computes; "" where there is none.
        place: How that lies in its result.
        sources: Float tensors that it is computed from.
        reads: For each input the float tensor that it holds; None where that is none.
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
    reads: tuple[Read | None, ...] = ()
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
