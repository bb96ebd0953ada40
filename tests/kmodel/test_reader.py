"""The cursor over a file: values, bounds, and errors that say where and what."""

import numpy as np
import pytest

from harness.errors import ConversionError, KModelError
from harness.kmodel.reader import Reader
from harness.kmodel.writer import Writer


def reader(data, start=0, stop=None):
    return Reader(np.frombuffer(data, np.uint8), start, stop)


def refused(call):
    with pytest.raises(KModelError) as caught:
        call()
    error = caught.value
    return error.offset, error.field, error.expected


def test_a_count_that_what_is_left_cannot_hold_is_refused_where_it_stands():
    data = bytes(4) + (3).to_bytes(4, "little") + bytes(24)
    assert reader(data, 4).count("things", each=8) == 3
    found = refused(lambda: reader(data, 4, 31).count("things", each=8))
    assert found == (4, "things", "at most 2, for what is left of it")


def test_a_name_ends_at_the_first_zero_and_is_ascii():
    names = reader(b"ab\0c\0\0\0\0" + "é".encode() + bytes(6))
    assert names.text(8, "name") == "ab"
    assert refused(lambda: names.text(8, "name")) == (8, "name", "an ASCII name")


def test_no_more_is_taken_than_is_left():
    one = reader(bytes(10), 2, 8)
    assert one.left == 6
    one.skip(4, "gap")
    assert refused(lambda: one.u32("number")) == (6, "number", "at most the 2 bytes that are left")
    assert (one.u8("byte"), one.u8("byte"), one.left) == (0, 0, 0)


def test_numbers_are_written_as_they_are_read():
    numbers = (-(1 << 31), -1, 0, 1, (1 << 31) - 1)
    out = Writer()
    out.words(*numbers, (1 << 32) - 1)
    read = reader(bytes(out.data))
    assert tuple(read.i32("number") for _ in numbers) == numbers
    assert read.u32("number") == (1 << 32) - 1


@pytest.mark.parametrize("number", [-(1 << 31) - 1, 1 << 32])
def test_numbers_of_more_than_32_bits_are_refused(number):
    with pytest.raises(ConversionError, match=f"{number} has more than 32 bits"):
        Writer().words(number)
