"""What a conversion gives, and why it may give nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.convert.budget import Budget
from harness.errors import ConversionError
from harness.kmodel.program import Program

MOST_NAMED = 12


class Refused(Exception):  # noqa: N818  one operation, not the whole conversion, fails
    """One operation has no equal in the version asked for.

    Args:
        reason: Why.
        remedy: What can be done about it.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(reason)


@dataclass(frozen=True)
class Obstacle:
    """One operation that cannot be converted, or not to the bit.

    Attributes:
        name: Its name in the source.
        kind: Its kind.
        reason: Why.
        remedy: What can be done about it; may be empty.
    """

    name: str
    kind: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@dataclass(frozen=True)
class Rewrite:
    """One operation of the source that became something else.

    Attributes:
        name: Its name in the source.
        kind: Its kind.
        became: Names of the new operations in running order; none if it became a place.
        why: Why the bits are the same, or how they may differ.
    """

    name: str
    kind: str
    became: tuple[str, ...]
    why: str


@dataclass(frozen=True, eq=False)
class Conversion:
    """A program in the form of an older version.

    Attributes:
        source: The program that was converted.
        program: The result.
        rewrites: What changed, in running order.
        inexact: Operations that may differ in the last bit; empty unless that was allowed.
        budget: What the result needs.
    """

    source: Program
    program: Program
    rewrites: tuple[Rewrite, ...]
    inexact: tuple[Obstacle, ...]
    budget: Budget


def no_way(source: int, version: int, obstacles: Sequence[Obstacle]) -> ConversionError:
    """Return the error that names every operation in the way from one version to another."""
    named = [str(obstacle) for obstacle in obstacles[:MOST_NAMED]]
    if len(obstacles) > MOST_NAMED:
        named.append(f"and {len(obstacles) - MOST_NAMED} more")
    count = "1 operation is" if len(obstacles) == 1 else f"{len(obstacles)} operations are"
    remedies = list(dict.fromkeys(o.remedy for o in obstacles if o.remedy))
    if source == 4:
        remedies.insert(0, "convert the kmodel v5 that it was made from, if there is one")
    otherwise = "run them behind the kmodel, or let the model end before the first of them"
    return ConversionError(
        f"{count} in the way of kmodel v{version}: {'; '.join(named)}",
        "; ".join(remedies[:3]) or otherwise,
    )
