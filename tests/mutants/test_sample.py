"""What is drawn is code, is a change, and stays while other code changes."""

import ast

import pytest

from tests.mutants.code import Source
from tests.mutants.sample import draw, places

CODE = '''"""Of 1 + 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    WIDTH = 3

__all__ = ["a" + "b"]
Alias = int | None
LIMIT: int | float = 4 * 5


def add(a: int | None, *, b: int = 2) -> int | None:
    """Return é × 7 - 1."""
    text: str | None = "é × é" * 2
    return a + b if text else None


def less(a: int, b: int) -> bool:
    return a < b
'''


def lines(code):
    return {place.position[0] for place in places("a.py", code, 1)}


def test_annotations_aliases_and_exports_are_no_code():
    written = CODE.splitlines()
    assert [written[n - 1].strip() for n in sorted(lines(CODE))] == [
        "LIMIT: int | float = 4 * 5",
        "def add(a: int | None, *, b: int = 2) -> int | None:",
        'text: str | None = "é × é" * 2',
        "return a + b if text else None",
        "return a < b",
    ]
    columns = [p.position[1] for p in places("a.py", CODE, 1) if p.position[0] == 17]
    assert [CODE.splitlines()[16][c] for c in columns] == ["*", "2"]


def test_columns_count_characters():
    source = Source.of('x = "éé", 1\n\ndef f(a: int | None): pass\n')
    assert source.is_code((1, 10))
    assert not source.is_code((3, 13))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.py").write_text(CODE)
    return tmp_path


def test_every_mutant_is_python_that_differs(folder):
    mutants, of = draw(folder, ["a.py"], 1, 1000)
    assert 0 < len(mutants) <= of
    for mutant in mutants:
        assert ast.dump(ast.parse(mutant.code(CODE))) != ast.dump(ast.parse(CODE))
    places = [(mutant.line, mutant.column) for mutant in mutants]
    assert len(set(places)) == len(places)


def test_a_sample_is_the_same_each_time_and_another_for_another_seed(folder):
    of_seed = [draw(folder, ["a.py"], seed, 5)[0] for seed in range(6)]
    assert draw(folder, ["a.py"], 3, 5)[0] == of_seed[3]
    assert len({tuple(sample) for sample in of_seed}) > 1
    more, _ = draw(folder, ["a.py"], 3, 8)
    assert more[:5] == of_seed[3]


def test_code_added_before_moves_no_place_of_the_rest():
    before = {place.key for place in places("a.py", CODE, 1)}
    longer = CODE.replace("def add", "def other(x: int) -> int:\n    return x % 3\n\n\ndef add")
    assert before < {place.key for place in places("a.py", longer, 1)}
