"""The law against every published figure, each predicted without its own source.

Run `python -m harness.timing.validation` for the tables of docs/prediction.md and the fitted
prices; with `--write FILE` it puts the tables between the marks in that file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from harness.timing.fitting import Observation, cost_ms, fit
from harness.timing.prices import PRICES, SPAN, Price
from harness.timing.published import loops as published_loops
from harness.timing.published.figures import FAMILIES, LOG_LINE, Figure, figures

# What one log adds to each of its lines: fitted with the rest, and no part of a prediction.
LINE = Price(0, 50_000, 10, "line of the log in nncase issue 92", "that log")


@dataclass(frozen=True)
class Held:
    """A figure and what is predicted for it from all other sources.

    Attributes:
        source: Who published it.
        label: What ran.
        kind: "layer", "run" or "loop".
        measured: Milliseconds that were published.
        predicted: Milliseconds that come out.
        remark: What the reader has to know.
    """

    source: str
    label: str
    kind: str
    measured: float
    predicted: float
    remark: str = ""

    @property
    def ratio(self) -> float:
        """Predicted over measured."""
        return self.predicted / self.measured

    @property
    def inside(self) -> bool:
        """Whether the interval around the prediction holds the measured time."""
        return abs(self.measured - self.predicted) <= SPAN * self.predicted


def fitted(observations: Iterable[Observation]) -> dict[str, Price]:
    """Return the prices that observations tell."""
    found = fit(tuple(observations), {**PRICES, LOG_LINE: LINE})
    found[LOG_LINE] = replace(found[LOG_LINE], ns=0.0)
    return found


def all_prices() -> dict[str, Price]:
    """Return the prices that all published figures together tell: what `prices` holds."""
    found = fitted(figure.observation for figure in figures())
    del found[LOG_LINE]
    return found


def held_out(families: bool = False, singly: bool = False) -> tuple[Held, ...]:
    """Predict every figure from all others but those of its own source.

    Args:
        families: Leave out every source that timed the same networks, too.
        singly: Count each depthwise layer of a log.
    """
    known = figures(singly)
    found: list[Held] = []
    for source in dict.fromkeys(figure.source for figure in known):
        left_out = _family(source) if families else (source,)
        prices = fitted(one.observation for one in known if one.source not in left_out)
        found += [_held(one, prices) for one in known if one.source == source]
    return (*found, *held_out_loops())


def held_out_loops() -> tuple[Held, ...]:
    """Predict every loop with the sensor's period from all other sources."""
    known, prices = published_loops.loops(), all_prices()
    return tuple(
        Held(
            one.source,
            one.label,
            "loop",
            1000 / one.fps,
            published_loops.predicted_ms(
                one,
                published_loops.frame_clocks(
                    tuple(other for other in known if other.source != one.source), prices
                ),
                prices,
            ),
        )
        for one in known
    )


def coverage(held: Iterable[Held], kind: str = "") -> tuple[int, int]:
    """Return how many figures lie inside their intervals, of how many."""
    chosen = [one for one in held if not kind or one.kind == kind]
    return sum(one.inside for one in chosen), len(chosen)


def _family(source: str) -> tuple[str, ...]:
    return next((family for family in FAMILIES if source in family), (source,))


def _held(figure: Figure, prices: Mapping[str, Price]) -> Held:
    predicted = cost_ms(figure.amounts, prices, figure.clocks)
    return Held(figure.source, figure.label, figure.kind, figure.ms, predicted, figure.remark)


if __name__ == "__main__":
    from harness.timing.tables import main

    main()
