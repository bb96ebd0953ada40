"""Frames: here and on the board the same, safe on the line, and never taken when damaged."""

from __future__ import annotations

import binascii
import random
import struct
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.board.scripts import script
from harness.board.transfer.conversation import receiver
from harness.board.transfer.frames import (
    DEFLATED,
    EVERY_BYTE,
    MOST_BYTES,
    STORED,
    TRIAL,
    Block,
    Frame,
    blocks,
    line,
    opened,
    trial,
)

KINDS = st.sampled_from([STORED, TRIAL])
DATA = st.binary(max_size=300) | st.binary(max_size=40).map(lambda data: data * 50)


@pytest.fixture(scope="module")
def board_opened():
    """The function of the board's own script that opens a line."""
    modules = {"ubinascii": binascii, "ustruct": struct, "uzlib": zlib}
    names = {"_k210c": zlib.crc32}
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        exec(compile(script("receiver.py"), "receiver.py", "exec"), names)
        yield names["_k210opened"]
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]


@given(KINDS, st.integers(0, 2**32 - 1), DATA, st.booleans())
def test_what_is_packed_comes_out(kind, offset, data, raw):
    text = line(kind, offset, data, raw)
    assert opened(text[:-1]) == Frame(kind, offset, data)


@given(DATA, st.booleans())
def test_a_line_carries_nothing_that_a_repl_takes_for_a_command(data, raw):
    text = line(STORED, 0, data, raw)
    assert text.endswith(b"\n")
    assert not set(text[:-1]) & set(b"\x03\x04\n\r")


def test_a_trial_has_every_byte():
    assert opened(trial()[:-1]) == Frame(TRIAL, 0, EVERY_BYTE)


@given(KINDS, st.integers(0, 2**32 - 1), DATA, st.booleans())
def test_the_board_opens_what_is_packed_here(board_opened, kind, offset, data, raw):
    assert board_opened(line(kind, offset, data, raw)[:-1]) == (kind, offset, data)


@given(DATA, st.booleans(), st.data())
def test_damage_is_seen_on_both_sides(board_opened, data, raw, draw):
    text = bytearray(line(STORED, 7, data, raw)[:-1])
    at = draw.draw(st.integers(0, len(text) - 1))
    if draw.draw(st.booleans()):
        del text[at]
    else:
        text[at] ^= draw.draw(st.integers(1, 255))
    found = opened(bytes(text))
    assert found is None or found == Frame(STORED, 7, data)
    try:
        there = board_opened(bytes(text))
    except ValueError:  # what receiver.py takes for damage
        return
    assert there is False or there == (STORED, 7, data)


@given(st.binary(max_size=200))
def test_noise_is_no_frame(board_opened, noise):
    for mark in (b"", b"R", b"B"):
        assert opened(mark + noise) is None
        try:
            assert board_opened(mark + noise) is False
        except ValueError:
            continue


def test_a_count_that_is_a_lie_is_refused(board_opened):
    data = zlib.compress(bytes(100), wbits=-12)
    assert board_opened(line(DEFLATED, 0, data, True, 100)[:-1]) == (DEFLATED, 0, bytes(100))
    assert board_opened(line(DEFLATED, 0, data, True, 99)[:-1]) is False


@given(
    st.binary(max_size=5000) | st.binary(max_size=50).map(lambda data: data * 200),
    st.integers(0, 5000),
    st.integers(40, 2000),
    st.booleans(),
    st.booleans(),
)
def test_blocks_are_the_file_from_there_on(board_opened, data, start, step, raw, deflate):
    start = min(start, len(data))
    found: list[Block] = list(blocks(data, start, step, raw, deflate))
    assert [block.offset for block in found] == [
        start + sum(block.size for block in found[:index]) for index in range(len(found))
    ]
    assert all(0 < block.size <= max(step, MOST_BYTES) for block in found)
    there = [board_opened(block.line[:-1]) for block in found]
    assert b"".join(part for _, _, part in there) == data[start:]


def test_only_what_gets_shorter_is_deflated():
    noise, text = random.Random(0).randbytes(20_000), b"the same again, " * 1000
    kinds = {opened(block.line[:-1]).kind for block in blocks(noise, 0, 472, True, True)}
    assert kinds == {STORED}
    deflated = sum(len(block.line) for block in blocks(text, 0, 472, True, True))
    stored = sum(len(block.line) for block in blocks(text, 0, 472, True, False))
    assert deflated < stored / 10


def test_the_receiver_travels_short_and_whole():
    sent = receiver()
    assert "#" not in sent
    assert len(sent) < 0.7 * len(script("receiver.py"))
    compile(sent, "receiver.py", "exec")
