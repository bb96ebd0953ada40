"""The prices that explain measurements best: a fit of logarithms, held by a guess.

Measured times span five decades and come with errors in percent, and so do prices: both are seen
as logarithms. Each price has a guess with a spread, so that what no measurement shows stays where
it is, and a measurement of a sum moves the least certain of its parts. Huber's loss keeps one
wrong measurement from moving everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from harness.timing.costs import KPU_CLOCKED, UNCLOCKED, Amounts
from harness.timing.prices import CPU_HZ, KPU_HZ, Price

Floats = npt.NDArray[np.float64]

# Published figures are good to a tenth, or to one in their last place.
RELATIVE_SIGMA, ABSOLUTE_SIGMA_MS = 0.1, 0.01
HUBER = 2.0
ROUNDS = 100


@dataclass(frozen=True)
class Clocks:
    """Clocks in Hz."""

    cpu_hz: float = CPU_HZ
    kpu_hz: float = KPU_HZ

    def factor(self, price: str) -> float:
        """Return by how much longer one unit takes than at the clocks of `prices`."""
        if price in UNCLOCKED:
            return 1.0
        return KPU_HZ / self.kpu_hz if price in KPU_CLOCKED else CPU_HZ / self.cpu_hz


@dataclass(frozen=True)
class Observation:
    """One measured time.

    Attributes:
        source: Who published it.
        label: What it is the time of.
        amounts: What was asked of the chip.
        ms: What was measured.
        clocks: At which clocks.
    """

    source: str
    label: str
    amounts: Amounts
    ms: float
    clocks: Clocks = Clocks()


def cost_ms(amounts: Amounts, prices: Mapping[str, Price], clocks: Clocks) -> float:
    """Return what amounts cost, in milliseconds."""
    return (
        sum(count * prices[name].ns * clocks.factor(name) for name, count in amounts.items()) / 1e6
    )


def fit(
    observations: Sequence[Observation],
    prices: Mapping[str, Price],
    relative_sigma: float = RELATIVE_SIGMA,
) -> dict[str, Price]:
    """Return prices with `ns` fitted to measurements, starting from their guesses.

    Args:
        observations: What was measured.
        prices: Their guesses and spreads; `ns` is not looked at.
        relative_sigma: How good the measurements are.
    """
    names = list(prices)
    guess = np.log([prices[name].prior_ns for name in names])
    spread = np.log([prices[name].spread for name in names])
    if not observations:
        return _with(prices, names, guess)
    units = np.array([_units(one, names) for one in observations])
    measured = np.log([one.ms for one in observations])
    sigma = np.array([max(relative_sigma, ABSOLUTE_SIGMA_MS / one.ms) for one in observations])
    found = _minimum(units, measured, sigma, guess, spread)
    return _with(prices, names, found)


def residuals(observations: Sequence[Observation], prices: Mapping[str, Price]) -> Floats:
    """Return predicted over measured time, less one, an observation."""
    return np.array([cost_ms(one.amounts, prices, one.clocks) / one.ms - 1 for one in observations])


def _units(one: Observation, names: list[str]) -> list[float]:
    return [one.amounts.get(name, 0.0) * one.clocks.factor(name) / 1e6 for name in names]


def _with(prices: Mapping[str, Price], names: list[str], logs: Floats) -> dict[str, Price]:
    values = np.exp(logs)
    return {
        name: replace(prices[name], ns=float(value))
        for name, value in zip(names, values, strict=True)
    }


def _minimum(
    units: Floats, measured: Floats, sigma: Floats, guess: Floats, spread: Floats
) -> Floats:
    """Minimise Huber's loss of the residuals and the squared distance from the guess.

    Levenberg's and Marquardt's method: steps that do not help are made shorter.
    """
    at, damping = guess.copy(), 1e-2
    loss = _loss(units, measured, sigma, guess, spread, at)
    for _ in range(ROUNDS):
        parts = units * np.exp(at)
        whole = parts.sum(axis=1)
        jacobian = parts / whole[:, None] / sigma[:, None]
        left = (np.log(whole) - measured) / sigma
        weight = np.minimum(1.0, HUBER / np.maximum(np.abs(left), 1e-12))
        curvature = (jacobian.T * weight) @ jacobian + np.diag(spread**-2.0)
        slope = (jacobian.T * weight) @ left + (at - guess) / spread**2
        damped = curvature + damping * np.diag(np.diag(curvature))
        tried = at - np.linalg.solve(damped, slope)
        better = _loss(units, measured, sigma, guess, spread, tried)
        if better < loss:
            done = loss - better < 1e-12 * loss
            at, loss, damping = tried, better, damping / 3
            if done:
                break
        else:
            damping *= 4
    return at


def _loss(
    units: Floats, measured: Floats, sigma: Floats, guess: Floats, spread: Floats, at: Floats
) -> float:
    left = np.abs((np.log(units @ np.exp(at)) - measured) / sigma)
    huber = np.where(left < HUBER, left**2 / 2, HUBER * left - HUBER**2 / 2)
    return float(huber.sum() + (((at - guess) / spread) ** 2).sum() / 2)
