"""How far two backends' outputs lie apart, and whether that is within tolerance."""

from harness.compare.comparison import Comparison, OutputComparison, compare

__all__ = ["Comparison", "OutputComparison", "compare"]
