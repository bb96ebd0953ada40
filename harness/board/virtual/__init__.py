"""A virtual board: real MicroPython on a pseudo-terminal, with the K210's modules behind it.

It is no hardware, and whatever runs on it says so.
"""

from harness.board.virtual.board import VirtualBoard, start

__all__ = ["VirtualBoard", "start"]
