"""A seeded sample of mutants: places of the code by a hash, and one change at each.

A place is drawn, not a change: cosmic-ray knows eleven changes of a `+` and two of a number. The
hash is of what stands at the place, so that a change of one function leaves the sample of all
others as it was.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from tests.mutants.code import Position, Source

Change = tuple[str, int]


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    Attributes:
        path: The file, below the repository.
        line: Line of the change, from 1.
        column: Column of the change, from 0.
        operator: cosmic-ray's name of the change.
        occurrence: Which of that operator's places in the file.
    """

    path: str
    line: int
    column: int
    operator: str
    occurrence: int

    def code(self, text: str) -> str | None:
        """Return the changed file; None where that is no Python, or means the same."""
        code: str | None = mutate_code(text, get_operator(self.operator)(), self.occurrence)
        try:
            changed = code is not None and ast.dump(ast.parse(code)) != ast.dump(ast.parse(text))
            return code if changed else None
        except SyntaxError:
            return None


@dataclass(frozen=True)
class Place:
    """A place of a file that can be changed, and the key by which it is drawn."""

    path: str
    position: Position
    changes: tuple[Change, ...]
    key: str

    def mutant(self, text: str) -> Mutant | None:
        """Return the one change that is drawn here; None where every one is no Python."""
        for operator, occurrence in sorted(self.changes, key=lambda c: _hash(self.key, c[0], c[1])):
            found = Mutant(self.path, *self.position, operator, occurrence)
            if found.code(text) is not None:
                return found
        return None


def places(path: str, text: str, seed: int) -> list[Place]:
    """Return every place of a file's code that cosmic-ray can change."""
    source = Source.of(text)
    seen: Counter[str] = Counter()
    found = []
    for position, changes in sorted(_changes(text).items()):
        if source.is_code(position):
            written = source.line(position[0]).strip()
            seen[written] += 1
            key = _hash(seed, path, written, seen[written])
            found.append(Place(path, position, tuple(changes), key))
    return found


def draw(folder: Path, paths: Sequence[str], seed: int, count: int) -> tuple[list[Mutant], int]:
    """Return `count` mutants of files below a folder, and from how many places."""
    texts = {path: (folder / path).read_text() for path in paths}
    found = sorted((p for path in paths for p in places(path, texts[path], seed)), key=_key)
    mutants: list[Mutant] = []
    for place in found:
        mutant = place.mutant(texts[place.path])
        if mutant is not None:
            mutants.append(mutant)
        if len(mutants) == count:
            break
    return mutants, len(found)


def _changes(text: str) -> dict[Position, list[Change]]:
    nodes = list(ast_nodes(get_ast(text)))
    changes = defaultdict(list)
    for name in operator_names():
        operator = get_operator(name)
        if operator.arguments():
            continue  # these want names of variables
        positions = _positions(nodes, operator())
        for occurrence, position in enumerate(positions):
            changes[position].append((name, occurrence))
    return changes


def _positions(nodes: Sequence[object], operator: object) -> Iterator[Position]:
    for node in nodes:
        for start, _ in operator.mutation_positions(node):  # type: ignore[attr-defined]
            yield start


def _hash(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


def _key(place: Place) -> str:
    return place.key
