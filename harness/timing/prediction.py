"""Milliseconds of every step of a program, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.errors import UsageError
from harness.kmodel.program import Program
from harness.timing.boards import BOARDS, DEFAULT, Board
from harness.timing.costs import (
    BYTE,
    DMA_IN_BYTE,
    DMA_OUT_BYTE,
    KPU_CYCLE,
    RUN,
    WORD,
    Amounts,
    amounts,
)
from harness.timing.fitting import Clocks, cost_ms
from harness.timing.prices import PRICES, SPAN, Price
from harness.timing.steps import CpuStep, Network, Step, network_of

COSTLIEST = 3
MOVES = frozenset({DMA_IN_BYTE, DMA_OUT_BYTE, WORD, BYTE})


@dataclass(frozen=True)
class Law:
    """Prices, and how far a prediction by them may be off.

    Attributes:
        prices: By name.
        span: Half the width of the interval, as a share of the prediction.
        origin: Where the prices come from, in words.
    """

    prices: Mapping[str, Price] = field(default_factory=lambda: PRICES)
    span: float = SPAN
    origin: str = "published measurements"

    @property
    def step_span(self) -> float:
        """The same for a single step: fits to whole runs do not tell how these divide."""
        return max(self.span, SPAN)


PUBLISHED = Law()


@dataclass(frozen=True, slots=True)
class StepTime:
    """Predicted time of one step.

    Attributes:
        step: What runs.
        kpu_ms: Time of the KPU.
        cpu_ms: Time of the CPU for computing.
        move_ms: Time between main memory and KPU memory.
        compute_ms: Of `kpu_ms`, the cycles that convolve.
    """

    step: Step
    kpu_ms: float
    cpu_ms: float
    move_ms: float
    compute_ms: float

    @property
    def name(self) -> str:
        """Name of the step, as in the program."""
        return self.step.name

    @property
    def ms(self) -> float:
        """All together."""
        return self.kpu_ms + self.cpu_ms + self.move_ms


@dataclass(frozen=True)
class Prediction:
    """Predicted times of a program.

    Attributes:
        version: Kmodel version, which says the runtime.
        clocks: The clocks that they are for.
        board: Whose camera and display the loop has.
        law: What they come from.
        steps: In running order, behind the start of the run and the move of the model's input.
    """

    version: int
    clocks: Clocks
    board: Board
    law: Law
    steps: tuple[StepTime, ...]

    @property
    def kpu_ms(self) -> float:
        """Time of the KPU."""
        return sum(step.kpu_ms for step in self.steps)

    @property
    def cpu_ms(self) -> float:
        """Time of the CPU for computing."""
        return sum(step.cpu_ms for step in self.steps)

    @property
    def move_ms(self) -> float:
        """Time between main memory and KPU memory."""
        return sum(step.move_ms for step in self.steps)

    @property
    def compute_ms(self) -> float:
        """Of the KPU's time, the cycles that convolve."""
        return sum(step.compute_ms for step in self.steps)

    @property
    def ms(self) -> float:
        """Time of one inference."""
        return self.kpu_ms + self.cpu_ms + self.move_ms

    @property
    def interval_ms(self) -> tuple[float, float]:
        """Between which the time of one inference lies nine times of ten."""
        return self.ms * (1 - self.law.span), self.ms * (1 + self.law.span)

    def step_interval_ms(self, step: StepTime) -> tuple[float, float]:
        """Return between which the time of one of its steps lies."""
        return step.ms * (1 - self.law.step_span), step.ms * (1 + self.law.step_span)

    @property
    def fps(self) -> float:
        """Inferences a second, camera and display left out."""
        return 1000 / self.ms if self.ms else float("inf")

    @property
    def loop_ms(self) -> float:
        """Time of one round of picture, inference and display."""
        return self.board.loop_ms(self.ms)

    @property
    def loop_interval_ms(self) -> tuple[float, float]:
        """Between which the time of one round lies."""
        return self.loop_ms * (1 - self.law.span), self.loop_ms * (1 + self.law.span)

    @property
    def costliest(self) -> tuple[StepTime, ...]:
        """The steps that take the longest, the longest first."""
        return tuple(sorted(self.steps, key=lambda step: -step.ms)[:COSTLIEST])

    def of(self, name: str) -> StepTime | None:
        """Return the times of a step by name."""
        return next((step for step in self.steps if step.name == name), None)


def predict(
    program: Program | Network,
    clocks: Clocks | None = None,
    board: Board | None = None,
    law: Law = PUBLISHED,
) -> Prediction:
    """Predict how long a program takes.

    Args:
        program: What runs.
        clocks: Clocks of the chip; None for those of the board, or 400 MHz without one.
        board: Whose camera and display the loop has; None for a Maix Bit.
        law: Prices; None for those fitted to published figures.

    Raises:
        UsageError: A clock is not above zero.
    """
    clocks = clocks or (board.clocks if board else Clocks())
    for unit, hertz in (("KPU", clocks.kpu_hz), ("CPU", clocks.cpu_hz)):
        if not 0 < hertz < float("inf"):
            raise UsageError(
                f"the {unit} cannot run at {hertz / 1e6:g} MHz", "name a clock above 0, e.g. 400"
            )
    network = program if isinstance(program, Network) else network_of(program)
    start = CpuStep(RUN, RUN, 1)
    steps = tuple(_time(step, network, clocks, law) for step in (start, *network.steps))
    return Prediction(network.version, clocks, board or BOARDS[DEFAULT], law, steps)


def _time(step: Step, network: Network, clocks: Clocks, law: Law) -> StepTime:
    wanted = amounts(step, network.version)
    moved = {name: count for name, count in wanted.items() if name in MOVES}
    rest = {name: count for name, count in wanted.items() if name not in MOVES}
    own = _cost(rest, law, clocks)
    on_kpu = step.unit == "KPU"
    return StepTime(
        step,
        kpu_ms=own if on_kpu else 0.0,
        cpu_ms=0.0 if on_kpu else own,
        move_ms=_cost(moved, law, clocks),
        compute_ms=_cost({KPU_CYCLE: wanted[KPU_CYCLE]}, law, clocks) if on_kpu else 0.0,
    )


def _cost(wanted: Amounts, law: Law, clocks: Clocks) -> float:
    return cost_ms(wanted, law.prices, clocks)
