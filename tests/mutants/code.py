"""What of a source file counts as code: no annotations, type aliases, `__all__`, TYPE_CHECKING."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

Position = tuple[int, int]


@dataclass(frozen=True)
class Source:
    """A source file's text, and where it is no code."""

    text: str
    _spans: tuple[tuple[Position, Position], ...]
    _lines: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Source:
        """Return a source by its text.

        Raises:
            SyntaxError: It is no Python.
        """
        nodes = (node for parent in ast.walk(ast.parse(text)) for node in _no_code(parent))
        spans = tuple(((n.lineno, n.col_offset), _end(n)) for n in nodes)
        return cls(text, spans, tuple(text.splitlines()))

    def is_code(self, position: Position) -> bool:
        """Whether what begins at a line (from 1) and column (in characters) is code."""
        line, column = position
        # The columns of `ast` count bytes of UTF-8.
        place = line, len(self._lines[line - 1][:column].encode())
        return not any(start <= place < end for start, end in self._spans)

    def line(self, number: int) -> str:
        """Return a line, from 1."""
        return self._lines[number - 1]


def _end(node: ast.expr | ast.stmt) -> Position:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.end_lineno, node.end_col_offset


def _no_code(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    match node:
        case ast.arg(annotation=ast.expr() as annotation):
            yield annotation
        case ast.FunctionDef(returns=ast.expr() as annotation):
            yield annotation
        case ast.AnnAssign(annotation=annotation):
            yield annotation
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            yield node
        case ast.Assign(targets=[ast.Name(id=name)]) if name == "__all__" or _is_type(name):
            yield node


def _is_type(name: str) -> bool:
    """Whether a name is written as types are; in these packages only aliases are assigned so."""
    return name.lstrip("_")[:1].isupper() and any(letter.islower() for letter in name)
