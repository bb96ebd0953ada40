"""What a blame run finds: errors of every layer in every column, one verdict, and hints.

Columns, each compared with `float` (float32 arithmetic, the float weights):

- `weights`: float arithmetic with the weights that stand in the kmodel, made floats again;
- `activations`: those weights, and every feature map rounded to the kmodel's codes; else ideal;
- `kpu`: the bit-exact simulator, with the registers and the tables of 16 segments;
- `nncase`, `board`: on request, through models cut behind the layer.

*Accumulated* means behind the column's own results of all layers before; *alone* means that the
layer was given the float results of the layers before it, as near as its column can take them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Column = Literal["weights", "activations", "kpu", "nncase", "board"]
COLUMNS: tuple[Column, ...] = get_args(Column)
# The columns that every layer has; the others are asked for.
STANDARD: tuple[Column, ...] = ("weights", "activations", "kpu")

Stage = Literal[
    "float model",
    "input contract",
    "file",
    "weights",
    "activations",
    "compiler",
    "firmware",
    "line",
    "none",
]

Unit = Literal["KPU", "CPU", ""]


@dataclass(frozen=True)
class LayerError:
    """How far one column's result of a layer is from the float one, over all values of all images.

    Attributes:
        snr_db: Power of the float result over power of the difference, in dB; None where they
            are equal; NaN, as all figures, where either has values that are no numbers.
        cosine: Of the angle between the two as vectors.
        mse: Mean squared difference, in the layer's units squared.
        max_abs: Largest difference, in the layer's units.
        not_finite: How many values of either are no numbers: NaN, or infinite.
    """

    snr_db: float | None
    cosine: float
    mse: float
    max_abs: float
    not_finite: int = 0


@dataclass(frozen=True)
class LayerFacts:
    """What hints are made of: a layer's weights and ranges in the units of the float model.

    Attributes:
        kind: Operator of the layer's first ONNX node, such as "Conv"; "" where it has none.
        depthwise: Whether each channel sees only its own channel.
        weight_max: Largest absolute float weight of each output channel, with the batch norm and
            other factors folded in; empty where the layer has no weights.
        weight_step: What one step of the kmodel's weight codes stands for, of each output
            channel; empty where there are none.
        weight_snr_db: Float weights over their quantisation error, of each output channel, in
            dB; None for channels that are exact.
        code_range: Least and greatest value that the kmodel's codes for the result stand for;
            None where the result is float.
        float_range: Least and greatest float value on the images of this blame run.
        channel_max: Largest absolute float value of each channel on those images.
        clipped: Share of the float values that lie outside of `code_range` by more than half a
            step.
    """

    kind: str = ""
    depthwise: bool = False
    weight_max: tuple[float, ...] = ()
    weight_step: tuple[float, ...] = ()
    weight_snr_db: tuple[float | None, ...] = ()
    code_range: tuple[float, float] | None = None
    float_range: tuple[float, float] = (0.0, 0.0)
    channel_max: tuple[float, ...] = ()
    clipped: float = 0.0


@dataclass(frozen=True)
class LayerRow:
    """One layer of the kmodel beside its counterparts.

    Attributes:
        name: Operation of the kmodel, as in `k210 inspect`.
        module: Path of the PyTorch module, such as "features.0"; "" where it is not known.
        node: ONNX nodes that the layer stands for, first to last, joined by ", "; "" for none.
        unit: Where it runs.
        accumulated: Errors behind the column's own upstream.
        alone: Errors with the float results of the layers before.
        remark: Why something has no counterpart; "" where all have.
        facts: What hints are made of.
        not_finite: Whether its float values are not all numbers: some are NaN, or infinite.
    """

    name: str
    module: str
    node: str
    unit: Unit
    accumulated: Mapping[Column, LayerError] = field(default_factory=dict)
    alone: Mapping[Column, LayerError] = field(default_factory=dict)
    remark: str = ""
    facts: LayerFacts = field(default_factory=LayerFacts)
    not_finite: bool = False


@dataclass(frozen=True)
class Verdict:
    """The first stage that diverges.

    Attributes:
        stage: Its name; "none" where all stages are as near as their arithmetic allows.
        layer: Operation of the kmodel where it begins; "" where it is none of them.
        evidence: Lines for people, each with its numbers and the limits they are held against.
        spoilt: Whether what was measured behind it says nothing about the model any more.
        held: Whether no stage is to blame because a tolerance of the method's own holds.
    """

    stage: Stage
    layer: str
    evidence: tuple[str, ...]
    spoilt: bool = False
    held: bool = False


@dataclass(frozen=True)
class Asked:
    """What was asked of one of the model's outputs, as a run judged all of its items.

    Attributes:
        output: Name.
        held: Whether it was within tolerance.
        own: Whether the tolerance is the method's own, so that no other limit counts.
        text: What was found and what was asked, in words.
    """

    output: str
    held: bool
    own: bool
    text: str


@dataclass(frozen=True)
class Hint:
    """Something to act on.

    Attributes:
        layer: Operation of the kmodel; "" where it is about the whole.
        kind: Short name of the rule, such as "outlier channel".
        text: What to do, one sentence.
        evidence: The numbers behind it, one line.
        fixes: Names of what `--fix` tries that addresses it; see `harness.blame.fix`.
    """

    layer: str
    kind: str
    text: str
    evidence: str
    fixes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Blame:
    """All that was found.

    Attributes:
        run: Name of the run, from its report.
        images: How many inputs were looked at.
        rows: In running order.
        outputs: The model's outputs by name, accumulated.
        verdict: The first stage that diverges.
        costliest: Names of the layers that lose most alone in column `kpu`, the worst first.
        hints: What a person can do.
        seconds: How long it took, by part.
    """

    run: str
    images: int
    rows: tuple[LayerRow, ...]
    outputs: Mapping[str, Mapping[Column, LayerError]]
    verdict: Verdict
    costliest: tuple[str, ...] = ()
    hints: tuple[Hint, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    def row(self, name: str) -> LayerRow:
        """Return the row of an operation.

        Raises:
            KeyError: There is none of that name.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)
