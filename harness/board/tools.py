"""The tools of `on_board` that are defined on a board."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.board import on_board, raw_repl

if TYPE_CHECKING:
    from harness.board.board import Board

# To define a few functions.
TOOL_S = 5.0
# What guards the other tools, and what longer ones wait for.
_FIRST = (on_board.ANSWER, on_board.GUARD, on_board.ABILITIES)


class Tools:
    """Defines each tool once.

    Args:
        board: At its raw REPL.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._there: set[str] = set()

    def need(self, tool: str) -> None:
        """Define a tool, if it is not there yet."""
        if tool in self._there:
            return
        board = self._board
        if tool != on_board.ANSWER:
            self.need(on_board.ANSWER)
        if tool in _FIRST or not len(tool) < board.room >= raw_repl.ROOM:
            board.exec(tool, TOOL_S)
        else:
            self.need(on_board.GUARD)
            board.ask(on_board.guarded(f"{tool}_k210('there')\n"), TOOL_S, most=1)
        if not board.repl.takes(tool.encode()):
            board.exec("_k210p=None")
        self._there.add(tool)

    def forget(self) -> None:
        """Take none for granted: the board has started again."""
        self._there.clear()
