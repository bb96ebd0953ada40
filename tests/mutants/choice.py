"""The tests of a mutant, those that are likely to find it soon first."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

# What the tests of one mutant may take together as traced, in processor seconds.
BUDGET = 3.0


@dataclass(frozen=True)
class Map:
    """Which tests run which lines of which files, and their seconds."""

    seconds: dict[str, float]
    lines: dict[str, dict[str, list[str]]]

    @classmethod
    def merged(cls, maps: Iterable[Map]) -> Map:
        """Return one map of several files of tests."""
        seconds: dict[str, float] = {}
        lines: dict[str, dict[str, list[str]]] = {}
        for one in maps:
            seconds |= one.seconds
            for path, of_file in one.lines.items():
                for line, tests in of_file.items():
                    lines.setdefault(path, {}).setdefault(line, []).extend(tests)
        return cls(seconds, lines)

    def tests(self, path: str, line: int, text: str, first: str | None = None) -> list[str]:
        """Return tests in the order in which to run them, within the budget.

        Args:
            path: The changed file.
            line: The changed line.
            text: The file as it was.
            first: The test that found this change last time.
        """
        of_file = self.lines.get(path, {})
        start, stop = _statement(text, line)
        of_line = chain.from_iterable(of_file.get(str(n), ()) for n in range(start, stop + 1))
        # Of a line that runs at import only, and of a cached value, any test of the file may know.
        near, all_near = set(of_line), set(chain.from_iterable(of_file.values()))
        all_near |= self._named_after(path)
        known = [first] if first in self.seconds else []
        order = [
            *known,
            *self._in_turn(near),
            *self._in_turn((all_near or self._room(path)) - near),
        ]
        return self._within_budget(list(dict.fromkeys(order)))

    def _named_after(self, path: str) -> set[str]:
        """Return the tests in files named after a module, or a folder that it is in.

        What reads a module's tables and classes only runs none of its lines.
        """
        _, room, *folders = path.removesuffix(".py").split("/")
        files = tuple(f"tests/{room}/test_{name}.py::" for name in folders)
        return {test for test in self.seconds if test.startswith(files)}

    def _room(self, path: str) -> set[str]:
        room = f"tests/{path.split('/')[1]}/"
        return {test for test in self.seconds if test.startswith(room)}

    def _in_turn(self, tests: set[str]) -> list[str]:
        """Sort by time, but one example of every test function before the second of any."""
        turns: Counter[str] = Counter()
        keys = {}
        for test in sorted(tests, key=lambda t: (self.seconds[t], t)):
            function = test.partition("[")[0]
            keys[test] = turns[function], self.seconds[test], test
            turns[function] += 1
        return sorted(tests, key=keys.__getitem__)

    def _within_budget(self, tests: list[str]) -> list[str]:
        left = BUDGET
        chosen = []
        for test in tests:
            if self.seconds[test] <= left:
                left -= self.seconds[test]
                chosen.append(test)
        return chosen


def _statement(text: str, line: int) -> tuple[int, int]:
    """Return the lines of the smallest statement around a line; of a block its head."""
    spans = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            stop = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            spans.append((node.lineno, max(stop, node.lineno)))
    return min(
        ((start, stop) for start, stop in spans if start <= line <= stop),
        key=lambda span: span[1] - span[0],
        default=(line, line),
    )
