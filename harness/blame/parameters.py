"""The parameters in a kmodel against what quantising the float weights gives: code by code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from harness.blame.link import Link
from harness.blame.tally import decibels
from harness.blame.units import addends, expected_codes, gains, weight_steps
from harness.kmodel.operations import KpuConv2d

# nncase rounds in float32: of ties, some codes come out one higher or lower.
CODE_TOLERANCE = 1
# Multipliers have 20 bits or more; ours of healthy files differ by 2e-7.
GAIN_TOLERANCE = 1e-3
# Addends of healthy files differ by 4e-4 of the bias at most, behind a table that is no line.
BIAS_TOLERANCE = 0.02


@dataclass(frozen=True)
class Damage:
    """Parameters of one layer that are not those of the float model.

    Attributes:
        layer: Operation of the kmodel.
        what: "weights", "batch norm factors" or "batch norm addends".
        channels: Output channels in which they differ.
        total: Number of output channels.
        count: How many values differ.
        start: First byte of the file in which the differing weights stand; -1 for others.
        stop: Past their last byte.
        worst: Largest difference: in codes, or as a share.
    """

    layer: str
    what: str
    channels: tuple[int, ...]
    total: int
    count: int
    start: int = -1
    stop: int = -1
    worst: float = 0.0


def damages(links: Mapping[str, Link]) -> list[Damage]:
    """Return what differs, in running order."""
    found: list[Damage] = []
    for link in links.values():
        if isinstance(link.operation, KpuConv2d) and link.weights is not None:
            found += [one for one in _of_layer(link, link.operation) if one is not None]
    return found


def _of_layer(link: Link, layer: KpuConv2d) -> Iterable[Damage | None]:
    yield _weights(link, layer)
    yield _factors(link, layer)
    yield _biases(link, layer)


def _weights(link: Link, layer: KpuConv2d) -> Damage | None:
    assert link.weights is not None
    distance = np.abs(expected_codes(link.weights.weights) - np.asarray(layer.weights, np.int64))
    # A channel of zeros may be any code, and one with values that are no numbers, too.
    largest = np.abs(link.weights.weights).reshape(len(distance), -1).max(1)
    distance[(largest == 0) | ~np.isfinite(largest)] = 0
    wrong = distance > CODE_TOLERANCE
    if not wrong.any():
        return None
    places = np.flatnonzero(wrong)
    size = layer.weights.dtype.itemsize
    return Damage(
        layer.name,
        "weights",
        tuple(map(int, np.unique(np.nonzero(wrong)[0]))),
        len(distance),
        int(wrong.sum()),
        layer.weights_offset + int(places[0]) * size,
        layer.weights_offset + (int(places[-1]) + 1) * size,
        float(distance.max()),
    )


def _factors(link: Link, layer: KpuConv2d) -> Damage | None:
    """Compare the factors of the channels with one another: all have to lead to one unit."""
    assert link.weights is not None
    largest = np.abs(link.weights.weights).reshape(len(layer.weights), -1).max(1)
    used = (largest > 0) & np.isfinite(largest)
    gain = gains(layer)
    units = np.where(
        gain == 0, np.inf, weight_steps(link.weights.weights) / np.where(gain, gain, 1)
    )
    if not (used & np.isfinite(units)).any():
        return None
    ratio = np.abs(units / np.median(units[used & np.isfinite(units)]) - 1)
    return _damage(layer, "batch norm factors", used & (ratio > GAIN_TOLERANCE), ratio)


def _biases(link: Link, layer: KpuConv2d) -> Damage | None:
    assert link.weights is not None
    if not link.unit:
        return None
    bias, found = link.weights.bias, addends(layer) * link.unit
    if not np.isfinite(bias).all():
        return None
    step = link.codes.scale if link.codes is not None else 0.0
    # In units of the largest bias, so that small ones need not be exact.
    largest = max(float(np.abs(bias).max()), 2 * step, 1e-30)
    ratio = np.abs(found - bias) / largest
    return _damage(layer, "batch norm addends", ratio > BIAS_TOLERANCE, ratio)


def _damage(layer: KpuConv2d, what: str, wrong: np.ndarray, ratio: np.ndarray) -> Damage | None:
    if not wrong.any():
        return None
    channels = tuple(map(int, np.flatnonzero(wrong)))
    worst = float(np.nanmax(np.where(np.isfinite(ratio), ratio, np.nan)[wrong], initial=0.0))
    return Damage(layer.name, what, channels, len(wrong), len(channels), worst=worst)


def weight_snr(link: Link) -> tuple[float | None, ...]:
    """Return how well each channel's weights are kept, in dB; None for those that are exact."""
    if link.weights is None or not isinstance(link.operation, KpuConv2d):
        return ()
    weights = link.weights.weights
    steps = weight_steps(weights)[:, None, None, None]
    kept = (np.asarray(link.operation.weights, np.float64) - 128) * steps
    axes = (1, 2, 3)
    signal, noise = (weights**2).sum(axes), ((kept - weights) ** 2).sum(axes)
    return tuple(
        decibels(float(s), float(n)) if s else None for s, n in zip(signal, noise, strict=True)
    )
