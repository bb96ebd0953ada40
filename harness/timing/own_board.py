"""Prices of the user's own board, from times that were measured on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.errors import UsageError
from harness.timing.costs import RUN
from harness.timing.fitting import Observation, cost_ms, fit
from harness.timing.prediction import Law
from harness.timing.prices import PRICES

# Fewer networks tell less than the published figures do.
LEAST = 3
# A board's clock counts microseconds; from run to run a model's time varies by about this.
RELATIVE_SIGMA = 0.02
# How far a board may be off the published figures; what a firmware adds to each run is its own.
SPREAD, RUN_SPREAD = 2.0, 10.0
# No time is below zero.
LEAST_SPAN, MOST_SPAN = 0.05, 1.0


@dataclass(frozen=True)
class Residual:
    """One measurement beside what is predicted for it.

    Attributes:
        label: What ran.
        measured: Milliseconds.
        before: Predicted by the published figures.
        after: Predicted by the fitted prices.
        held_out: Predicted by prices fitted to the other measurements.
    """

    label: str
    measured: float
    before: float
    after: float
    held_out: float


@dataclass(frozen=True)
class Fit:
    """What came of a fit.

    Attributes:
        law: The fitted prices; its span covers nine of ten of the held-out residuals.
        residuals: One a measurement.
    """

    law: Law
    residuals: tuple[Residual, ...]


def fit_own(observations: Sequence[Observation], origin: str) -> Fit:
    """Fit prices to measurements of one board, starting from the published ones.

    Args:
        observations: Times of at least three different models.
        origin: Which board, in words.

    Raises:
        UsageError: There are too few.
    """
    different = {tuple(sorted(one.amounts.items())) for one in observations}
    if len(different) < LEAST:
        raise UsageError(
            f"a fit wants times of at least {LEAST} different models, there are {len(different)}",
            "run more models with --backends …,board and name their run folders",
        )
    guesses = {
        name: replace(price, prior_ns=price.ns, spread=RUN_SPREAD if name == RUN else SPREAD)
        for name, price in PRICES.items()
    }
    prices = fit(observations, guesses, RELATIVE_SIGMA)
    residuals = []
    for place, one in enumerate(observations):
        others = [other for other in observations if other.amounts != one.amounts]
        without = fit(others, guesses, RELATIVE_SIGMA)
        times = (cost_ms(one.amounts, known, one.clocks) for known in (PRICES, prices, without))
        residuals.append(Residual(observations[place].label, one.ms, *times))
    off = [abs(one.measured / one.held_out - 1) for one in residuals]
    span = float(np.clip(np.quantile(off, 0.9), LEAST_SPAN, MOST_SPAN))
    return Fit(Law(prices, span, origin), tuple(residuals))
