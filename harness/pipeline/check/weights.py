"""Weights that are no numbers, under the names of the user's layers."""

from __future__ import annotations

from harness.compiler.weights import not_finite as found_in
from harness.pipeline.check.layers import Naming
from harness.pipeline.check.subject import Subject


def not_finite(subject: Subject) -> tuple[str, ...]:
    """Return a line for each tensor of weights that holds NaN, or an infinity to multiply with."""
    naming = Naming(subject)
    found = found_in(subject.source.kind, subject.source.data)
    return tuple(f"{naming.of(one.layer)[0]}: {one.values}" for one in found)
