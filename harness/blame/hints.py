"""What a person can do: rules over what blame has measured, each with its numbers and its limit.

A rule says nothing unless a number passes its limit. The limits are our choice; they are set so
that the networks of the test suite that lose nothing get no hint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.backends.floating import to_float
from harness.blame.result import Hint, LayerRow, Stage, Verdict
from harness.blame.wording import count, value
from harness.compiler.contract import ModelContract

# A channel in the middle of its layer's channels has fewer codes than this: under 3 of 8 bits.
FEW_CODES = 8
# Weights of one output channel that are this near to their own rounding error, in dB.
POOR_WEIGHTS_DB = 25.0
# Share of values beyond the codes, and how far the furthest is, as a share of the codes' range.
CLIPPED, BEYOND = 1e-3, 0.05
# With fewer calibration images than this, more are the first thing to try.
FEW_IMAGES = 16
# What the table of 16 segments costs against exact codes, in dB, and what is good enough as it is.
TABLE_DB, FINE_DB = 6.0, 40.0
# Values behind mean and std that are further off than these are no pictures the model was made for.
FAR_MEAN, LOW_STD, HIGH_STD = 4.0, 0.05, 10.0
# More hints of one kind than this tell a person nothing new.
MOST = 3
_AGAIN = "compile again, and copy all files of the run together"
# What to do about what is simply wrong, whatever the model loses besides.
_MEND: Mapping[Stage, str] = {
    "float model": "mend the float model first: its weights, or the operation that gives no number",
    "input contract": "make colours, range, mean and std those that the model was trained with",
    "file": _AGAIN,
    "weights": _AGAIN,
    "compiler": "compare the exported ONNX model with the module: they are not one function",
    "firmware": "flash another firmware (k210 board flash), or expect the difference",
    "line": "take another cable or port: equal bytes have to give equal answers",
}
# The model itself is as it was measured where the board is to blame.
_OUTSIDE: frozenset[Stage] = frozenset({"input contract", "firmware", "line"})


@dataclass(frozen=True)
class Seen:
    """What the rules look at.

    Attributes:
        rows: Every layer with its errors and facts.
        verdict: The first stage that diverges.
        contract: How the model was compiled.
        images: uint8 [N, C, H, W] of this blame run.
    """

    rows: Sequence[LayerRow]
    verdict: Verdict
    contract: ModelContract
    images: npt.NDArray[np.uint8]


def hints(seen: Seen) -> tuple[Hint, ...]:
    """Return what the rules find, at most a few of each kind, the worst first.

    Where the verdict says that what was measured says nothing about the model, the rules are not
    asked: what is wrong has to be mended first.
    """
    found = list(_mend(seen.verdict))
    if seen.verdict.spoilt:
        return tuple(found)
    for rule in _RULES:
        ranked = sorted(rule(seen), key=lambda one: one[0], reverse=True)
        found += [hint for _, hint in ranked[:MOST]]
    return tuple(found)


# How bad it is, among hints of the same rule; and the hint.
Ranked = Iterator[tuple[float, Hint]]


def _mend(verdict: Verdict) -> Iterator[Hint]:
    """Yield what to do about something that is simply wrong."""
    if verdict.spoilt or verdict.stage in _OUTSIDE:
        yield Hint(verdict.layer, verdict.stage, _MEND[verdict.stage], verdict.evidence[0])


def _input_contract(seen: Seen) -> Ranked:
    given = seen.contract.input.to_contract() if seen.contract.input else None
    if given is None or not given.normalises:
        return
    values = to_float(seen.images, given)
    mean, std = float(values.mean()), float(values.std())
    if abs(mean) > FAR_MEAN or not LOW_STD < std < HIGH_STD:
        low, high = given.range
        yield (
            0.0,
            Hint(
                "",
                "input contract",
                f"give mean and std in units of the range {low:g} to {high:g}",
                f"behind mean and std the pictures have mean {mean:.3g} (limit ±{FAR_MEAN:g}) and "
                f"standard deviation {std:.3g} (limits {LOW_STD:g} to {HIGH_STD:g})",
            ),
        )


def _outlier_channel(seen: Seen) -> Ranked:
    for row in seen.rows:
        facts = row.facts
        channels = np.asarray(facts.channel_max)
        alive = channels[channels > 0]
        if facts.code_range is None or len(alive) < 4:
            continue
        low, high = facts.code_range
        middle = float(np.median(alive))
        codes = 255 * middle / (high - low) if high > low else 255.0
        widest = int(channels.argmax())
        times = float(channels[widest]) / middle
        if codes >= FEW_CODES or times <= 255 / FEW_CODES:
            continue
        what = "depthwise layer" if facts.depthwise else "layer"
        yield (
            times,
            Hint(
                row.name,
                "outlier channel",
                f"scale channel {widest} of this {what} down and its weights in the next layer up "
                "(--fix equalises), or compute both layers in float",
                f"channel {widest} reaches {channels[widest]:.4g}, {times:.0f} times the median "
                f"channel, which is left {codes:.1f} of 256 codes (limit {FEW_CODES})",
                ("equalise", "float layers"),
            ),
        )


def _poor_weights(seen: Seen) -> Ranked:
    for row in seen.rows:
        known = [(snr, n) for n, snr in enumerate(row.facts.weight_snr_db) if snr is not None]
        if not known or min(known)[0] >= POOR_WEIGHTS_DB:
            continue
        worst, channel = min(known)
        yield (
            -worst,
            Hint(
                row.name,
                "coarse weights",
                f"equalise the weights before this layer, so that channel {channel} has less to "
                "span (--fix), or compute the layer in float",
                f"weights of channel {channel} are {worst:.1f} dB above their rounding error "
                f"(limit {POOR_WEIGHTS_DB:g} dB)",
                ("equalise", "float layers"),
            ),
        )


def _clipped(seen: Seen) -> Ranked:
    calibration = seen.contract.calibration
    method = calibration.method if calibration else "no_clip"
    images = calibration.images if calibration else 0
    for row in seen.rows:
        facts = row.facts
        if facts.code_range is None or facts.clipped <= CLIPPED:
            continue
        (low, high), (least, most) = facts.code_range, facts.float_range
        beyond = max(most - high, low - least) / max(high - low, 1e-30)
        if beyond <= BEYOND:
            continue
        evidence = (
            f"{facts.clipped:.2%} of the float values (limit {CLIPPED:.1%}) lie outside of the "
            f"codes' range {value(low)} to {value(high)}: they go from {value(least)} to "
            f"{value(most)}, "
            f"{beyond:.0%} of the range beyond it (limit {BEYOND:.0%})"
        )
        kind, text, fixes = _remedy(method, images)
        yield facts.clipped, Hint(row.name, kind, text, evidence, fixes)


def _remedy(method: str, images: int) -> tuple[str, str, tuple[str, ...]]:
    if method != "no_clip":
        return (
            "saturating activation",
            f"calibration method {method} cut the range: take another one, such as no_clip",
            ("method",),
        )
    if images < FEW_IMAGES:
        return (
            "few calibration images",
            f"calibrate with more images: ranges were taken from {count(images, 'image')} only",
            ("images",),
        )
    return (
        "calibration out of range",
        f"calibrate with images like those that run: the {count(images, 'image')} given do not "
        "reach as far",
        ("images",),
    )


def _table(seen: Seen) -> Ranked:
    for row in seen.rows:
        chip, exact = row.alone.get("kpu"), row.alone.get("activations")
        if row.unit != "KPU" or chip is None or exact is None or chip.snr_db is None:
            continue
        lost = (exact.snr_db if exact.snr_db is not None else 100.0) - chip.snr_db
        if lost <= TABLE_DB or chip.snr_db >= FINE_DB:
            continue
        yield (
            lost,
            Hint(
                row.name,
                "coarse activation table",
                "take an activation of straight pieces (ReLU, leaky ReLU, ReLU6), or compute the "
                "layer in float",
                f"the KPU's table of 16 segments leaves {chip.snr_db:.1f} dB, exact codes "
                f"{lost:.1f} dB more (limit {TABLE_DB:g} dB)",
                ("float layers",),
            ),
        )


_RULES: tuple[Callable[[Seen], Ranked], ...] = (
    _input_contract,
    _clipped,
    _outlier_channel,
    _poor_weights,
    _table,
)
