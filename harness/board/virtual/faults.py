"""What a call from the board's program can end with instead of a value."""

from __future__ import annotations


class BoardFault(Exception):  # noqa: N818  it is an error there, not here
    """An exception that is raised in the board's program.

    Args:
        kind: Name of the exception there, such as OSError.
        arguments: Its arguments: numbers and texts.
    """

    def __init__(self, kind: str, *arguments: int | str) -> None:
        super().__init__(kind, *arguments)
        self.kind, self.arguments = kind, arguments


class HardReset(Exception):  # noqa: N818  no error
    """The board's program asked for a hard reset."""


def os_fault(number: int | None) -> BoardFault:
    """Return the OSError of an errno value."""
    return BoardFault("OSError", number or 5)
