"""Operations are values: nothing alters them, they are compared by identity, made by keywords."""

from dataclasses import FrozenInstanceError, fields, is_dataclass

import pytest

from harness.kmodel import operations as ops
from harness.kmodel.operations import Pooling
from harness.kmodel.tables import ActivationTable, BatchNorm
from tests.kmodel.v5_programs.examples import EXAMPLES
from tests.kmodel.v5_programs.sketch import Sketch

KINDS = [
    kind
    for kind in map(ops.__dict__.get, ops.__all__)
    if isinstance(kind, type) and issubclass(kind, ops.Operation)
]


def bare(kind):
    """Return an operation without any values: what holds of it holds of all of its kind."""
    return object.__new__(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_alters_an_operation(kind):
    assert is_dataclass(kind)
    one = bare(kind)
    for field in fields(kind):
        with pytest.raises(FrozenInstanceError):
            setattr(one, field.name, None)
    assert all(field.kw_only for field in fields(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_operations_are_equal_only_to_themselves(kind):
    """Their weights are arrays, which no `==` of tuples compares."""
    one, two = bare(kind), bare(kind)
    assert one == one
    assert one != two
    assert len({one, two}) == 2


def test_tables_are_values_too():
    norm = [BatchNorm.encode([1], [2], [3]) for _ in range(2)]
    table = [ActivationTable.encode(*[[0] * 16] * 4) for _ in range(2)]
    for one, two in (norm, table):
        assert one != two
        assert len({one, two}) == 2
        with pytest.raises(FrozenInstanceError):
            one.words = two.words


@pytest.mark.parametrize("name", EXAMPLES)
def test_copies_of_a_program_do_not_share_operations(name):
    one, two = (EXAMPLES[name](Sketch()).program().operations for _ in range(2))
    assert one != two


def test_pooling_has_the_numbers_and_strides_of_the_hardware():
    """The numbers are those of `kpu_pool_type` in the vendor's `kpu.h`."""
    strides = {pooling.value: pooling.stride for pooling in Pooling}
    assert strides == {0: 1, 1: 2, 2: 2, 3: 4, 4: 4, 5: 2, 6: 2, 7: 4, 8: 1, 9: 1}
