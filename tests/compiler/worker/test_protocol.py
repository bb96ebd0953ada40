"""Frames: what goes in comes out, and nothing else is taken for a frame."""

from __future__ import annotations

import io
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.compiler.worker import protocol
from harness.compiler.worker.protocol import (
    MAGIC,
    MAX_PAYLOAD,
    ProtocolError,
    read_frame,
    write_frame,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
MESSAGES = st.dictionaries(st.text(), JSON, max_size=4)
DTYPES = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?"),
)
ARRAYS = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
NAMED = st.dictionaries(st.text(max_size=5), ARRAYS, max_size=3)


def framed(message, arrays) -> bytes:
    stream = io.BytesIO()
    write_frame(stream, message, arrays)
    return stream.getvalue()


def headed(header: bytes) -> io.BytesIO:
    return io.BytesIO(struct.pack("<4sI", MAGIC, len(header)) + header)


@given(MESSAGES, NAMED)
def test_round_trip(message, arrays):
    frame = read_frame(io.BytesIO(framed(message, arrays)))
    assert frame is not None
    assert frame.message == message
    assert list(frame.arrays) == list(arrays)
    for name, array in arrays.items():
        assert frame.arrays[name].dtype == array.dtype
        assert frame.arrays[name].shape == array.shape
        assert frame.arrays[name].tobytes() == array.tobytes()


@given(MESSAGES, NAMED, MESSAGES)
def test_frames_follow_one_another(first, arrays, second):
    stream = io.BytesIO(framed(first, arrays) + framed(second, {}))
    assert [read_frame(stream).message for _ in range(2)] == [first, second]
    assert read_frame(stream) is None


@given(MESSAGES, NAMED, st.data())
def test_torn_frame(message, arrays, data):
    whole = framed(message, arrays)
    cut = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(ProtocolError, match="ended inside a frame"):
        read_frame(io.BytesIO(whole[:cut]))


@given(st.binary(min_size=1))
def test_other_bytes_are_no_frame(junk):
    with pytest.raises(ProtocolError):
        read_frame(io.BytesIO(junk))


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_other_headers_are_no_frame(header):
    with pytest.raises(ProtocolError):
        read_frame(headed(header))


@pytest.mark.parametrize(
    ("dtype", "shape"), [("O", [1]), ("<U4", [1]), ("<f4", [-1]), ("|u1", [1 << 40, 1 << 40])]
)
def test_arrays_that_are_refused(dtype, shape):
    header = json.dumps({"message": {}, "arrays": [["x", dtype, shape]]}).encode()
    with pytest.raises(ProtocolError, match="array"):
        read_frame(headed(header))


def test_views_are_sent_in_their_own_order():
    array = np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1)[::-1]
    frame = read_frame(io.BytesIO(framed({}, {"x": array})))
    np.testing.assert_array_equal(frame.arrays["x"], array)


@pytest.mark.parametrize(
    ("message", "array"),
    [
        ({}, np.broadcast_to(np.uint8(0), MAX_PAYLOAD + 1)),
        ({}, np.array([object()])),
        ({"text": "x" * protocol.MAX_HEADER}, np.zeros(1)),
    ],
)
def test_nothing_is_sent_of_a_frame_that_cannot_be(message, array):
    stream = io.BytesIO()
    with pytest.raises(ProtocolError):
        write_frame(stream, message, {"x": array})
    assert stream.getvalue() == b""
