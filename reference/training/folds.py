"""How a method without cross-validation says so; no PyTorch, as listing the methods has none."""

from __future__ import annotations

from harness.errors import MethodError
from harness.method import Fold


def refuse_folds(method: str, fold: Fold | None) -> None:
    """Make sure that no fold was asked for.

    Raises:
        MethodError: One was.
    """
    if fold is not None:
        raise MethodError(f"{method} has no cross-validation", "leave out --folds")
