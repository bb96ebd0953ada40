"""What quantisation costs: layers below a limit, and the share of each stage in the error.

The limits are set by what was measured (docs/blame.md): healthy layers keep 33 dB and more in
every column when they are given exact inputs, and layers that spoil a network fall below 25.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from harness.blame.findings import Findings
from harness.blame.link import Link
from harness.blame.result import STANDARD, Column, LayerError, LayerRow, Stage, Verdict
from harness.blame.wording import db, listed, output_name, value

# A layer with exact inputs keeps at least so much, in dB; healthy ones were 33 and better.
LEAST_SNR_DB = 25.0
# The same with the kmodel's weights only, where healthy ones were 40 and better.
LEAST_WEIGHTS_DB = 30.0
# An output keeps at least so much behind all layers, where nobody asked for anything else.
LEAST_OUTPUT_DB = 20.0
# The same for the middle one of its channels.
LEAST_CHANNEL_DB = 15.0
# What the chip's tables and integers may cost beyond the roundings to codes.
MOST_CHIP_LOSS_DB = 6.0
CHIP_MATTERS_BELOW_DB = 30.0
# A column that loses so much more than the chip itself does not show what the chip does.
_MISREAD_DB = 6.0
# An activation table is this close to its function, in codes. Nncase's were 5.2 away at most, at
# the bends of a sigmoid.
MOST_TABLE_ERROR = 10.0
# Share of a layer's error from which on it begins with the weights.
_GOOD_PART = 0.25
# Times the median that the range of a channel has to be to be called an outlier.
OUTLIER = 8.0
_STAGE_OF: dict[Column, Stage] = {
    "weights": "weights",
    "activations": "activations",
    "kpu": "compiler",
}
_WORDS: dict[Column, str] = {
    "weights": "the weights' rounding",
    "activations": "the rounding to codes",
    "kpu": "the chip's arithmetic",
}


@dataclass(frozen=True)
class Loss:
    """A layer that loses more than it may.

    Attributes:
        column: Where it shows first.
        beyond: How far it is past its limit, in dB, or in codes.
        verdict: What it would be to blame for.
    """

    column: Column
    beyond: float
    verdict: Verdict


def layer_losses(found: Findings) -> list[Loss]:
    """Return the layers that lose more than they may, what costs the outputs most first."""
    weights = list(_weights(found))
    spoilt = {one.verdict.layer for one in weights if _starts_with_weights(found, one)}
    activations = [one for one in _activations(found) if one.verdict.layer not in spoilt]
    losses = [*weights, *activations, *_chip(found), *_tables(found)]
    costs = shares(found)
    order = {column: place for place, column in enumerate(STANDARD)}
    return sorted(
        losses, key=lambda one: (-costs.get(one.column, 0.0), order[one.column], -one.beyond)
    )


def _starts_with_weights(found: Findings, loss: Loss) -> bool:
    """Return whether a layer's own error is the weights' already, in good part.

    Weights that one channel makes coarse make codes coarse, too: a channel that weighs much more
    than others has small values, and their rounding weighs as much. The stage that comes first is
    the one to mend.
    """
    row = found.row(loss.verdict.layer)
    weights, both = (row and row.alone.get(column) for column in ("weights", "activations"))
    return bool(weights and both and weights.mse >= _GOOD_PART * both.mse)


def outputs_verdict(found: Findings) -> Verdict | None:
    """Return the stage that costs most where an output is lost though no layer is."""
    for name, errors in found.outputs.items():
        line = _lost(name, errors, found)
        if line:
            costs = shares(found, name)
            dearest: Column = max(costs, key=lambda column: costs[column]) if costs else "kpu"
            lines = (f"no layer alone, but all together: {line}", *cost_lines(found))
            return Verdict(_STAGE_OF[dearest], "", lines)
    return None


def _lost(name: str, errors: Mapping[Column, LayerError], found: Findings) -> str:
    """Return in words that an output is less than what was asked of it; "" where it is not."""
    asked = next((one for one in found.asked if one.output == name), None)
    if asked is not None and (asked.own or not asked.held):
        return "" if asked.held else asked.text
    chip = errors.get("kpu")
    if chip is None or chip.snr_db is None or not chip.snr_db < LEAST_OUTPUT_DB:
        return ""
    which = output_name(name, len(found.outputs))
    return f"{which} keeps {db(chip.snr_db)} (limit {LEAST_OUTPUT_DB:.0f} dB)"


def shares(found: Findings, output: str = "") -> dict[Column, float]:
    """Return each stage's share in the power of an output's error, 0 to 1.

    Each column has all that the one before it has and one thing more, so that the growth of the
    mean squared error is that thing's. Where a column is nearer to float than the one before it,
    it costs nothing.

    Args:
        found: What was found.
        output: Name of the output; "" for the one that keeps least.
    """
    name = output or _weakest(found)
    errors = found.outputs.get(name, {})
    if not set(STANDARD) <= set(errors):
        return {}
    powers = [0.0, *(errors[column].mse for column in STANDARD)]
    grown = np.maximum(np.diff(powers), 0.0)
    if not np.isfinite(grown).all() or not grown.sum():
        return {}
    return dict(zip(STANDARD, map(float, grown / grown.sum()), strict=True))


def _weakest(found: Findings) -> str:
    """Return the output that keeps least on the chip; "" where none is known."""
    known = {name: errors["kpu"] for name, errors in found.outputs.items() if "kpu" in errors}
    return min(known, key=lambda name: _or_infinite(known[name].snr_db), default="")


def _or_infinite(number: float | None) -> float:
    return np.inf if number is None else number


def cost_lines(found: Findings) -> Iterator[str]:
    """Yield what costs the outputs how much, and the worst layer of each column."""
    costs = shares(found)
    if costs:
        told = [f"{share:.0%} is {_WORDS[column]}" for column, share in costs.items()]
        which = output_name(_weakest(found), len(found.outputs))
        yield f"of the error's power at {which}, {listed(told)}"
    for column, limit in (
        ("weights", LEAST_WEIGHTS_DB),
        ("activations", LEAST_SNR_DB),
        ("kpu", LEAST_SNR_DB),
    ):
        worst = _worst(found, column)  # type: ignore[arg-type]
        if worst is not None:
            snr = _alone(worst, column)  # type: ignore[arg-type]
            yield (
                f"{_WORDS[column]} alone costs most in {worst.name}, which keeps "  # type: ignore[index]
                f"{db(snr)} (limit {limit:.0f} dB)"
            )


def _worst(found: Findings, column: Column) -> LayerRow | None:
    known = [row for row in found.rows if _alone(row, column) is not None]
    return min(known, key=lambda row: _or_infinite(_alone(row, column)), default=None)


def _alone(row: LayerRow, column: Column) -> float | None:
    """Return what a layer keeps by itself; None where nothing is lost, or nothing is known."""
    error = row.alone.get(column)
    known = error is not None and error.snr_db is not None and not np.isnan(error.snr_db)
    return error.snr_db if error is not None and known else None


def _misread(row: LayerRow, column: Column) -> bool:
    """Return whether a column loses what the chip, which does the same and more, does not."""
    own = _alone(row, column)
    return own is not None and _or_infinite(_alone(row, "kpu")) > own + _MISREAD_DB


def _weights(found: Findings) -> Iterator[Loss]:
    known = [_alone(row, "weights") for row in found.rows]
    middle = _middle(known)
    for row in found.rows:
        snr = _alone(row, "weights")
        if snr is None or snr >= LEAST_WEIGHTS_DB or _misread(row, "weights"):
            continue
        link = found.links[row.name]
        beyond = LEAST_WEIGHTS_DB - snr
        if not link.same_form:
            line = (
                f"with exact inputs and its own weights {row.name} keeps {db(snr)} of "
                f"{row.node} (limit {LEAST_WEIGHTS_DB:.0f} dB), and with the float weights it "
                "would not compute that either: nncase made something else of it"
            )
            yield Loss("weights", beyond, Verdict("compiler", row.name, (line,)))
            continue
        line = (
            f"with exact inputs, the weights of {row.name} keep {db(snr)} of its result; "
            f"the middle of all layers is {db(middle)}, the limit {LEAST_WEIGHTS_DB:.0f} dB"
        )
        lines = (line, *_weight_outliers(link))
        yield Loss("weights", beyond, Verdict("weights", row.name, lines))


def _weight_outliers(link: Link) -> Iterator[str]:
    """Yield which channels make the steps of the weights too coarse for the others."""
    if link.weights is None:
        return
    weights = np.abs(link.weights.weights)
    for axis, what in ((0, "output"), (1, "input")):
        largest = weights.max(tuple(n for n in range(4) if n != axis))
        middle = float(np.median(largest))
        if len(largest) > 2 and middle and largest.max() > OUTLIER * middle:
            yield (
                f"the weights of {what} channel {int(largest.argmax())} reach "
                f"{largest.max():.3g}, {largest.max() / middle:.0f} times the middle of all "
                f"channels ({middle:.3g}; an outlier from {OUTLIER:.0f} times on): the steps have "
                "to span them"
            )


def _activations(found: Findings) -> Iterator[Loss]:
    for row in found.rows:
        snr = _alone(row, "activations")
        if "activations" not in row.alone or row.not_finite or _misread(row, "activations"):
            continue
        channels = found.channel_snr.get((row.name, "activations"), ())
        middle = _middle(channels)
        whole = LEAST_SNR_DB - _or_infinite(snr)
        coarse = LEAST_CHANNEL_DB - _or_infinite(middle) if len(channels) > 2 else -np.inf
        if max(whole, coarse) > 0:
            line = (
                f"with exact inputs, rounding to codes leaves {row.name} {db(snr)} "
                f"(limit {LEAST_SNR_DB:.0f} dB), and its middle channel {db(middle)} "
                f"(limit {LEAST_CHANNEL_DB:.0f} dB)"
            )
            verdict = Verdict("activations", row.name, (line, *_range_lines(row)))
            yield Loss("activations", max(whole, coarse), verdict)


def _range_lines(row: LayerRow) -> Iterator[str]:
    facts = row.facts
    if facts.code_range is not None:
        low, high = map(value, facts.code_range)
        least, most = map(value, facts.float_range)
        yield (
            f"the codes reach from {low} to {high}, the float values from {least} to {most}: "
            f"{facts.clipped:.2%} of them are clipped"
        )
    largest = np.asarray(facts.channel_max)
    middle = float(np.median(largest)) if len(largest) else 0.0
    if middle and largest.max() > OUTLIER * middle:
        yield (
            f"channel {int(largest.argmax())} reaches {largest.max():.4g}, "
            f"{largest.max() / middle:.0f} times the middle of all channels ({middle:.4g}; an "
            f"outlier from {OUTLIER:.0f} times on): the codes have to span it"
        )


def _chip(found: Findings) -> Iterator[Loss]:
    for row in found.rows:
        chip, ideal = _alone(row, "kpu"), _alone(row, "activations")
        if chip is None:
            continue
        lost = _or_infinite(ideal) - chip
        if chip < CHIP_MATTERS_BELOW_DB and lost > MOST_CHIP_LOSS_DB:
            kind = found.links[row.name].operation.kind()
            lines = (
                f"with exact inputs, {row.name} keeps {db(chip)} on the chip and "
                f"{db(ideal)} with ideal arithmetic (limit: {MOST_CHIP_LOSS_DB:.0f} dB "
                f"lost, below {CHIP_MATTERS_BELOW_DB:.0f} dB)",
                f"nncase computes {row.node or row.name} as {kind} of its own arithmetic",
            )
            yield Loss("kpu", lost - MOST_CHIP_LOSS_DB, Verdict("compiler", row.name, lines))


def _tables(found: Findings) -> Iterator[Loss]:
    for name, link in found.links.items():
        if link.fit is not None and link.fit.worst > MOST_TABLE_ERROR:
            line = (
                f"the activation table of {name} is up to {link.fit.worst:.1f} codes away from "
                f"its function (limit {MOST_TABLE_ERROR:.0f})"
            )
            beyond = link.fit.worst - MOST_TABLE_ERROR
            yield Loss("kpu", beyond, Verdict("compiler", name, (line,)))


def _middle(values: object) -> float | None:
    known = [one for one in values if one is not None]  # type: ignore[attr-defined]
    return float(np.median(known)) if known else None
