"""A slice reads only what is there: every begin, end and step of a stranger's file is looked at."""

import pytest

from harness.errors import KModelError
from harness.kmodel import load
from harness.kmodel.v5.releases import RELEASES
from tests.kmodel.v5_files import Code, stackvm_file


def sliced(begin, end, step, out=4):
    """Return a file that takes a slice of a row of 6 floats."""
    code = Code(RELEASES[0])
    code.shape(0, 1, 6).shape(1, 6, 1).shape(2, out, 1)
    code.shape(3, 0, begin).shape(4, 1, end).shape(5, 1, step)
    code.push(code.input(0), code.output(0)).tensor("slice", 9, 0, 1, 2, 3, 4, 5)
    return stackvm_file(code, (1, 6), (1, out), data=64)


@pytest.mark.parametrize(
    ("begin", "end", "step"), [(0, 6, 1), (1, 6, 2), (5, 0, -1), (5, -1, -2), (2, 3, 1), (0, 6, 9)]
)
def test_what_lies_inside_is_taken_as_python_does(begin, end, step):
    taken = list(range(begin, end, step))
    (operation,) = load(sliced(begin, end, step, len(taken))).operations
    assert operation.output.shape == (1, len(taken))
    assert (operation.begins, operation.ends, operation.strides) == (
        (0, begin),
        (1, end),
        (1, step),
    )


@pytest.mark.parametrize(
    ("begin", "end", "step"),
    [
        (0, 7, 1),
        (4, 8, 2),
        (-1, 4, 1),
        (-2, 4, 2),
        (6, 0, -1),
        (7, 5, -1),
        (3, -2, -1),
        (9, -9, -3),
    ],
)
def test_what_lies_outside_is_refused(begin, end, step):
    with pytest.raises(KModelError, match="elements of an axis of size 6"):
        load(sliced(begin, end, step, len(range(begin, end, step))))


def test_a_step_of_nothing_is_refused():
    with pytest.raises(KModelError, match="begin, end and step of 2 axes"):
        load(sliced(0, 6, 0))
