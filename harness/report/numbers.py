"""Numbers as people read them: no more digits than mean something, and units."""

from __future__ import annotations

import math

# Metrics that end at 1, where the distance to 1 is what is looked at.
SHARES = frozenset({"accuracy", "cosine", "top1_agreement", "worst_cosine"})

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_THIN_SPACE = "\u2009"
_MINUS = "\u2212"


def share(value: float) -> str:
    """Return a value that ends at 1 with four decimals, and more where four would say 1.

    Only an exact 1 is written as one: 0.99996 is `0.99996`.
    """
    if not math.isfinite(value):
        return significant(value)
    for decimals in (4, 5, 6, 7):
        text = f"{value:.{decimals}f}"
        if value == 1 or float(text) != 1:
            return text.replace("-", _MINUS)
    return "> 0.9999999" if value < 1 else text


def significant(value: float, digits: int = 4) -> str:
    """Return a value with that many significant digits, as a power of ten when far from 1."""
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    if value == 0:
        return "0"
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    exponent = int(power)
    if not -4 <= exponent <= 6:
        return f"{mantissa} × 10{str(exponent).translate(_SUPERSCRIPT)}".replace("-", _MINUS)
    return f"{value:.{max(digits - 1 - exponent, 0)}f}".replace("-", _MINUS)


def milliseconds(value: float) -> str:
    """Return a time of so many milliseconds with its unit."""
    return f"{significant(value, 3)} ms"


def decibels(value: float | None) -> str:
    """Return a ratio in dB; None stands for outputs that are equal."""
    if value is None:
        return "∞ (equal)"
    return f"{value:.1f} dB".replace("-", _MINUS) if math.isfinite(value) else significant(value)


def count(value: int) -> str:
    """Return a whole number with its thousands set apart."""
    return f"{value:,}".replace(",", _THIN_SPACE)


def metric(value: float | None, name: str) -> str:
    """Return the value of a metric in the form that its name asks for."""
    if name == "snr_db":
        return decibels(value)
    if value is None:
        return "—"
    return share(value) if name in SHARES else significant(value)


def exact(value: float) -> str:
    """Return a limit as it would be typed, not rounded to look better."""
    return f"{value:.10g}"


def short(value: float) -> str:
    """Return a limit as it is shown beside what was measured."""
    return f"{value:.4g}"


def file_size(size: int) -> str:
    """Return a number of bytes in the unit that suits it."""
    if size < 1000:
        return f"{size} B"
    if size < 1_000_000:
        return f"{size / 1000:.1f} kB"
    return f"{size / 1_000_000:.1f} MB"
