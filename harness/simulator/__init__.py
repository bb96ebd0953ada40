"""Kmodels as PyTorch modules, exact to the bit."""

from __future__ import annotations

from harness.simulator.rules import RULES, Rules
from harness.simulator.simulator import Simulator

__all__ = ["RULES", "Rules", "Simulator"]
