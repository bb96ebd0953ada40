"""Kmodels of one generation as those of another: v5, as nncase 1.9 writes, for stock firmware."""

from __future__ import annotations

from harness.convert.budget import Budget
from harness.convert.conversion import Conversion, Obstacle, Rewrite
from harness.convert.rewrite import convert

__all__ = ["Budget", "Conversion", "Obstacle", "Rewrite", "convert"]
