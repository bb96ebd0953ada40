"""Numbers in the sentences of verdicts and hints."""

from __future__ import annotations

import math
from collections.abc import Sequence

_MOST_SPANS = 6


def db(value: float | None) -> str:
    """Return a ratio in dB; None stands for no difference at all, NaN for none that is known."""
    if value is not None and math.isnan(value):
        return "an unknown ratio"
    return "∞ dB" if value is None else f"{value:.1f} dB"


def count(number: int, what: str) -> str:
    """Return a number of things, such as "1 weight" or "3 weights"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def among(chosen: Sequence[int], total: int, what: str) -> str:
    """Return which of so many things are meant: "channel 3 of 16", "all 4 channels"."""
    if len(chosen) == total:
        return f"the one {what}" if total == 1 else f"all {total} {what}s"
    if len(chosen) == 1:
        return f"{what} {chosen[0]} of {total} (counted from 0)"
    return f"{len(chosen)} of {total} {what}s: {spans(chosen)} (counted from 0)"


def between(start: int, stop: int) -> str:
    """Return a range of bytes of the file, `stop` being past the last."""
    return f"byte {start}" if stop - start == 1 else f"bytes {start} to {stop - 1}"


def spans(values: Sequence[int]) -> str:
    """Return numbers, neighbours joined: 3-5, 8."""
    found: list[list[int]] = []
    for value in values:
        if found and value == found[-1][1] + 1:
            found[-1][1] = value
        else:
            found.append([value, value])
    texts = [str(a) if a == b else f"{a}-{b}" for a, b in found]
    return ", ".join(texts[:_MOST_SPANS]) + (", …" if len(texts) > _MOST_SPANS else "")


def output_name(name: str, outputs: int) -> str:
    """Return how a sentence calls one of so many outputs."""
    return "the output" if outputs == 1 else f"output {name}"


def value(number: float) -> str:
    """Return a value of a feature map; there is one zero."""
    return f"{number + 0.0:.4g}" if number else "0"


def listed(names: Sequence[str]) -> str:
    """Return names as in "a", "a and b", "a, b and c"."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
