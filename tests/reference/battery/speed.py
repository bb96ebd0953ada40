"""What the machinery around a step costs, against the same networks in a bare PyTorch loop."""

from __future__ import annotations

import time
from collections.abc import Callable

LEAST_RATIO = 0.8


def check_hardly_slower(
    ours: Callable[[], object], bare: Callable[[], object], rounds: int = 25
) -> None:
    """Make sure that a step takes hardly longer than a bare one, the fastest of each."""
    # In turn, so that a busy machine slows both.
    found = [(_seconds(ours), _seconds(bare)) for _ in range(rounds)]
    step, least = (min(seconds) for seconds in zip(*found, strict=True))
    assert least / step >= LEAST_RATIO, (least, step)


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
