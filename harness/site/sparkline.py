"""A line of figures over runs, small enough to stand in a table, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, MARGIN = 120.0, 28.0, 3.0


def sparkline(values: Sequence[float], words: str, broken: Sequence[int] = ()) -> str:
    """Return an SVG image; its text and colours are the page's.

    Args:
        values: Finite, oldest first, at least one.
        words: What it shows, for who cannot see it.
        broken: Places of runs that failed, which get a dot of their own.
    """
    places = list(zip(_across(len(values)), _up(values), strict=True))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(
        f'<circle class="broken" cx="{places[at][0]:.1f}" cy="{places[at][1]:.1f}" r="2.5"/>'
        for at in broken
    )
    x, y = places[-1]
    return (
        f'<svg class="spark" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" '
        f'aria-label="{escape(words, quote=True)}"><polyline points="{line}"/>{dots}'
        f'<circle class="last" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/></svg>'
    )


def _across(count: int) -> list[float]:
    step = (WIDTH - 2 * MARGIN) / max(count - 1, 1)
    return [MARGIN + step * place if count > 1 else WIDTH / 2 for place in range(count)]


def _up(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    room = HEIGHT - 2 * MARGIN
    if low == high:
        return [HEIGHT / 2] * len(values)
    return [MARGIN + room * (high - value) / (high - low) for value in values]
