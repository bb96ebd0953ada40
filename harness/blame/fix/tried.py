"""What a search for fixes tried, and what it kept."""

from __future__ import annotations

from dataclasses import dataclass

from harness.blame.fix.base import Recipe
from harness.blame.fix.judge import Gain
from harness.compiler.build import CompiledModel


@dataclass(frozen=True)
class Try:
    """One fix that was tried.

    Attributes:
        fix: Its name.
        family: Its kind, as hints name it.
        onto: Names of the fixes that were kept before.
        chosen: Its effect on the first half; None where nothing could be compiled.
        confirmed: Its effect on the second half, for the best of a round; else None.
        kept: Whether it stays.
        cost: What it costs, in words with numbers.
        reason: Why it was not kept; "" where it was.
    """

    fix: str
    family: str
    onto: tuple[str, ...]
    chosen: Gain | None
    confirmed: Gain | None
    kept: bool
    cost: str
    reason: str = ""


@dataclass(frozen=True)
class Tried:
    """What a search found.

    Attributes:
        metric: What was judged by: "SNR" in dB against the float model, or a task metric.
        images: How many images chose, and how many confirmed.
        rows: Every fix that was tried, in order.
        recipe: The model as it stays, with the names of what was applied.
        compiled: The same, compiled.
        total: All that is kept against nothing, on the half that confirms.
        compilations: How many recipes were compiled or taken from the cache.
    """

    metric: str
    images: tuple[int, int]
    rows: tuple[Try, ...]
    recipe: Recipe
    compiled: CompiledModel
    total: Gain
    compilations: int

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of the fixes that stay."""
        return self.recipe.applied
