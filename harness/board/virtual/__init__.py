"""A virtual board: real MicroPython on a pseudo-terminal, with the K210's modules behind it.

It is no hardware, and whatever runs on it says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.board.virtual.board import VirtualBoard, start

__all__ = ["VirtualBoard", "start"]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Load what runs boards when it is asked for: the command line names profiles without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from harness.board.virtual import board

    return getattr(board, name)
