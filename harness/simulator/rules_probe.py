"""A model that tells the two published rule sets apart, for the first board that is attached.

One 1x1 layer of kmodel version 3, which every firmware loads. Each of its output channels asks one
question, for every value of the input:

- *ties*: which way does half go, behind an even number;
- *negative ties*: the same for a falling segment;
- *starts*: which segment does a value belong to that equals the segment's start;
- *controls*: what both rule sets agree on, and plain mathematics too (`plain`) or not (`below`,
  where both add the sign and so end up one below the nearest integer).

So a board whose controls are right, and whose answers are of one set here and of the other there,
shows which rule it is that differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.kmodel.memory import KPU_BYTES, Memory, Pool, dense, feature_map
from harness.kmodel.memory import DType as Type
from harness.kmodel.operations import KpuConv2d
from harness.kmodel.program import Port, Program
from harness.kmodel.registers import REGISTERS, LayerRegisters
from harness.kmodel.tables import ActivationTable, BatchNorm
from harness.simulator.rules import RULES, Rules
from harness.simulator.simulator import Simulator

Bytes = npt.NDArray[np.uint8]

# A line of 64 is one row of KPU memory, so that nothing depends on how rows are shared.
HEIGHT, WIDTH = 8, 64
INPUT = 1, 1, HEIGHT, WIDTH
VALUES = 104
_LOWEST = -(1 << 35)
# Segments: nothing; a falling one; a rising one; then thirteen of one number each, at STARTS.
_FALLING, _RISING, _STARTS, _FLAT = -4000, 0, 2001, 13
# What each output channel asks, and its batch norm: multiplier, shift, addend.
CHANNELS = (
    ("ties", (4, 0, 1)),
    ("ties", (4, 0, 5)),
    ("negative ties", (4, 0, _FALLING + 3)),
    ("negative ties", (4, 0, _FALLING + 7)),
    ("starts", (1, 3, _STARTS)),
    ("starts", (2, 4, _STARTS)),
    ("plain", (4, 0, 2)),
    ("below", (4, 0, _FALLING + 1)),
)
CONTROLS = frozenset({"plain", "below"})


@dataclass(frozen=True)
class Verdict:
    """Which rule set a board follows.

    Attributes:
        rules: The set whose every byte was found; None where there is none.
        shares: Part of the bytes that are those of each set.
        questions: The same for each question that the probe asks.
    """

    rules: Rules | None
    shares: Mapping[Rules, float]
    questions: Mapping[str, Mapping[Rules, float]]

    def __str__(self) -> str:
        if self.rules:
            return f"follows the rules of {self.rules} in every byte"
        parts = "; ".join(
            f"{question} " + ", ".join(f"{share:.0%} {rules}" for rules, share in shares.items())
            for question, shares in self.questions.items()
        )
        return f"follows neither rule set: {parts}"


def image() -> Bytes:
    """Return the input, uint8 [1, 1, 8, 64]: every value that the probe asks about, four times."""
    return (np.arange(HEIGHT * WIDTH, dtype=np.int64) % VALUES).astype(np.uint8).reshape(INPUT)


def program() -> Program:
    """Return the probe in v3 form; `harness.kmodel.save` makes a file of it."""
    count = len(CHANNELS)
    main = Pool("main", Memory.MAIN, count * HEIGHT * WIDTH)
    kpu, file = Pool("kpu", Memory.KPU, KPU_BYTES), Pool("file", Memory.CONSTANT, 0)
    last_rows = KPU_BYTES // WIDTH - HEIGHT
    source = feature_map(kpu, last_rows, INPUT)
    shape = 1, count, HEIGHT, WIDTH
    copy = dense(main, 0, Type.U8, shape)
    multipliers, shifts, addends = zip(*(norm for _, norm in CHANNELS), strict=True)
    layer = KpuConv2d(
        name="00_kpu_conv2d",
        offset=0,
        inputs=(source,),
        outputs=(feature_map(kpu, 0, shape), copy),
        registers=_registers(count, last_rows),
        weights=np.ones((count, 1, 1, 1), np.uint8),
        batch_norm=BatchNorm.encode(multipliers, addends, shifts),
        activation=_activation(),
        weights_offset=0,
    )
    return Program(
        version=3,
        group="0.1",
        candidates=("0.1",),
        inputs=(Port("input_0", source),),
        outputs=(Port("output_0", copy),),
        operations=(layer,),
        pools=(main, kpu, file),
        data=np.zeros(0, np.uint8),
        consumed=0,
    )


def expected() -> dict[Rules, Bytes]:
    """Return what each rule set makes of `image()`: uint8 [1, 8, 8, 64]."""
    return {rules: Simulator(program(), rules)(image())["output_0"].numpy() for rules in RULES}


def judge(found: Bytes) -> Verdict:
    """Say which rule set a board follows.

    Args:
        found: uint8 [1, 8, 8, 64], what the board made of `image()`.

    Raises:
        UsageError: It has another shape.
    """
    shape = (1, len(CHANNELS), HEIGHT, WIDTH)
    if found.shape != shape:
        raise UsageError(f"the probe's output is {list(found.shape)}, not {list(shape)}")
    same = {rules: found == bytes_ for rules, bytes_ in expected().items()}
    asked = np.array([question for question, _ in CHANNELS])
    return Verdict(
        rules=next((rules for rules in RULES if same[rules].all()), None),
        shares={rules: float(same[rules].mean()) for rules in RULES},
        questions={
            question: {rules: float(same[rules][:, asked == question].mean()) for rules in RULES}
            for question in dict.fromkeys(asked.tolist())
        },
    )


def _activation() -> ActivationTable:
    starts = [_LOWEST, _FALLING, _RISING, *range(_STARTS, _STARTS + _FLAT)]
    return ActivationTable.encode(
        starts,
        [0, -1, 1] + [0] * _FLAT,
        [0, 1, 1] + [0] * _FLAT,
        [0, 255, 0, *range(10, 10 + 15 * _FLAT, 15)],
    )


def _registers(channels: int, first_row: int) -> LayerRegisters:
    """Return what nncase 0.1 writes for such a layer."""
    return replace(
        LayerRegisters.decode([0] * REGISTERS),
        source_row=first_row,
        out_channels=channels,
        out_channels_per_load=channels,
        in_width=WIDTH,
        in_height=HEIGHT,
        out_width=WIDTH,
        out_height=HEIGHT,
        load_parameters=1,
        dma_burst=15,
        load_order=1,
        load_bytes=channels,
        read_channel_rows=HEIGHT,
        read_line_rows=1,
        read_channels_per_row=1,
        load_activation=1,
        write_channel_rows=HEIGHT,
        write_line_rows=1,
        write_channels_per_row=1,
        dma_channel_bytes=HEIGHT * WIDTH,
        dma_total_bytes=channels * HEIGHT * WIDTH,
    )
