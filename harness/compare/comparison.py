"""The comparison of two backends, output by output, and the verdict about it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from harness.compare import metrics
from harness.errors import UsageError
from harness.method import Tolerance

Outputs = Mapping[str, npt.NDArray[np.floating]]

# Metrics that have to be at least their limit; the others have to be at most.
AT_LEAST = frozenset({"cosine", "snr_db", "top1_agreement"})
# How finely a tolerance that would pass is rounded, in significant digits.
_DIGITS = 4


@dataclass(frozen=True)
class Difference:
    """The first element in which two outputs differ, in the order of items and elements.

    Attributes:
        item: Name of the item.
        index: Place of the element in the item's output, or in the result of `layer`.
        reference: The value taken as right.
        candidate: The other value.
        layer: Name of the first layer that differs, where that is known: `index` and the values
            are then those of its result.
    """

    item: str
    index: tuple[int, ...]
    reference: float
    candidate: float
    layer: str | None = None


@dataclass(frozen=True)
class OutputComparison:
    """Distances of one output, over all items.

    Attributes:
        output: Name of the output.
        cosine, max_abs, mean_abs, snr_db, rmse: See `harness.compare.metrics`.
        top1_agreement: Share of items with the same largest value; None where an item is no
            row of scores, but a single value, a picture or a map.
        worst_item: Name of the item with the lowest cosine.
        worst_cosine: Its cosine.
        first_difference: Where the outputs first differ; None when they are equal to the bit.
        tolerance: What it was judged by; None when it was not judged.
    """

    output: str
    cosine: float
    max_abs: float
    mean_abs: float
    snr_db: float | None
    rmse: float
    top1_agreement: float | None
    worst_item: str
    worst_cosine: float
    first_difference: Difference | None = None
    tolerance: Tolerance | None = None

    @property
    def failures(self) -> dict[str, tuple[float, float]]:
        """Metrics out of tolerance: name → (found, limit)."""
        limits = _limits(self.tolerance)
        found = {name: self._value(name) for name in limits}
        return {
            name: (found[name], limits[name])
            for name in limits
            if not _passes(name, found[name], limits[name])
        }

    @property
    def within_tolerance(self) -> bool | None:
        """Whether every limit holds; None without limits."""
        return not self.failures if _limits(self.tolerance) else None

    @property
    def tolerance_that_would_pass(self) -> dict[str, float]:
        """For each failed metric the strictest limit, rounded outwards, that would hold.

        A metric that is no finite number has none.
        """
        return {
            name: _relaxed(name, found)
            for name, (found, _) in self.failures.items()
            if math.isfinite(found)
        }

    def _value(self, name: str) -> float:
        value = getattr(self, name)
        if value is None:
            return math.inf if name == "snr_db" else math.nan
        return float(value)


@dataclass(frozen=True)
class Comparison:
    """Two backends on the same inputs.

    Attributes:
        reference: Name of the backend taken as right.
        candidate: Name of the backend judged.
        outputs: One entry an output, by name.
    """

    reference: str
    candidate: str
    outputs: Mapping[str, OutputComparison]

    @property
    def within_tolerance(self) -> bool | None:
        """Whether all judged outputs are within tolerance; None when none is judged."""
        judged = [entry.within_tolerance for entry in self.outputs.values()]
        known = [verdict for verdict in judged if verdict is not None]
        return all(known) if known else None

    def assert_within(
        self,
        *,
        cosine: float | None = None,
        max_abs: float | None = None,
        mean_abs: float | None = None,
        snr_db: float | None = None,
        rmse: float | None = None,
        top1_agreement: float | None = None,
    ) -> None:
        """Fail a test unless every output keeps these limits.

        Raises:
            AssertionError: It says what was found, and the tolerance that would pass.
            UsageError: No limit is given, so that nothing would be tested.
        """
        limits = Tolerance(cosine, max_abs, mean_abs, snr_db, rmse, top1_agreement)
        if not _limits(limits):
            raise UsageError("assert_within has no limit to test", "give one, e.g. cosine=0.99")
        judged = [replace(entry, tolerance=limits) for entry in self.outputs.values()]
        lines = [line for entry in judged for line in describe_failures(entry)]
        if lines:
            title = f"{self.candidate} is not within tolerance of {self.reference}"
            raise AssertionError("\n".join([f"{title}:", *lines]))


def compare(
    reference: Outputs,
    candidate: Outputs,
    *,
    names: tuple[str, str] = ("reference", "candidate"),
    tolerance: Mapping[str, Tolerance] | None = None,
    ids: Sequence[str] = (),
) -> Comparison:
    """Compare two backends' outputs.

    Args:
        reference: Float arrays [N, ...] by output name, taken as right.
        candidate: The same names and shapes from the backend judged.
        names: What to call the two.
        tolerance: Limits by output name.
        ids: Names of the N items; their positions stand in where none are given.

    Raises:
        UsageError: Names or shapes of the outputs differ.
    """
    _check_same_outputs(reference, candidate)
    entries = {
        name: _compare_output(name, reference[name], candidate[name], ids) for name in reference
    }
    limits = tolerance or {}
    judged = {name: replace(entry, tolerance=limits.get(name)) for name, entry in entries.items()}
    return Comparison(names[0], names[1], judged)


def describe_failures(entry: OutputComparison) -> list[str]:
    """Return one line for each limit that an output breaks."""
    relaxed = entry.tolerance_that_would_pass
    return [
        f"  {entry.output}: {name} is {found:.6g}, limit {limit:.6g}; "
        + (f"{name}={relaxed[name]:.6g} would pass" if name in relaxed else "no limit would pass")
        for name, (found, limit) in entry.failures.items()
    ]


def _compare_output(
    name: str,
    reference: npt.NDArray[np.floating],
    candidate: npt.NDArray[np.floating],
    ids: Sequence[str],
) -> OutputComparison:
    per_item = [metrics.cosine(a, b) for a, b in zip(reference, candidate, strict=True)]
    worst = int(np.argmin(per_item)) if per_item else 0
    return OutputComparison(
        output=name,
        cosine=metrics.cosine(reference, candidate),
        max_abs=metrics.max_abs(reference, candidate),
        mean_abs=metrics.mean_abs(reference, candidate),
        snr_db=metrics.snr_db(reference, candidate),
        rmse=metrics.rmse(reference, candidate),
        top1_agreement=(
            metrics.top1_agreement(reference, candidate) if _scores(reference) else None
        ),
        worst_item=ids[worst] if ids else str(worst),
        worst_cosine=per_item[worst] if per_item else 1.0,
        first_difference=_first_difference(reference, candidate, ids),
    )


def _scores(outputs: npt.NDArray[np.floating]) -> bool:
    """Return whether items are rows of scores: values along one axis, two or more."""
    return len(outputs) > 0 and sum(side > 1 for side in outputs.shape[1:]) == 1


def _first_difference(
    reference: npt.NDArray[np.floating],
    candidate: npt.NDArray[np.floating],
    ids: Sequence[str],
) -> Difference | None:
    both_nan = np.isnan(reference) & np.isnan(candidate)
    differs = (reference != candidate) & ~both_nan
    if not differs.any():
        return None
    item, *index = (int(n) for n in np.unravel_index(int(differs.argmax()), differs.shape))
    return Difference(
        item=ids[item] if ids else str(item),
        index=tuple(index),
        reference=float(reference[item, *index]),
        candidate=float(candidate[item, *index]),
    )


def _check_same_outputs(reference: Outputs, candidate: Outputs) -> None:
    if list(reference) != list(candidate):
        raise UsageError(
            f"the two backends have different outputs: {', '.join(reference)} "
            f"and {', '.join(candidate)}"
        )
    for name in reference:
        if reference[name].shape != candidate[name].shape:
            raise UsageError(
                f"output {name} has shape {reference[name].shape} in one backend "
                f"and {candidate[name].shape} in the other"
            )


def _limits(tolerance: Tolerance | None) -> dict[str, float]:
    if tolerance is None:
        return {}
    values = {entry.name: getattr(tolerance, entry.name) for entry in fields(tolerance)}
    return {name: value for name, value in values.items() if value is not None}


def _passes(name: str, found: float, limit: float) -> bool:
    # A NaN passes neither way: an output that is not a number is not the same output.
    return found >= limit if name in AT_LEAST else found <= limit


def _relaxed(name: str, found: float) -> float:
    # Cosine and agreement live next to 1, where the digits of the distance to 1 are what counts.
    distance = 1 - found if name in ("cosine", "top1_agreement") else abs(found)
    if distance <= 0:
        return found
    step = 10.0 ** (math.floor(math.log10(distance)) - _DIGITS + 1)
    outwards = -1 if name in AT_LEAST else 1
    steps = math.floor(found / step) if outwards < 0 else math.ceil(found / step)
    limit = steps * step
    # The product may round to the wrong side of what was found.
    return limit if _passes(name, found, limit) else (steps + outwards) * step
