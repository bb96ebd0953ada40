"""The window: whatever the line loses, the file is whole in the end, and little goes twice."""

from __future__ import annotations

import random
from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from harness.board.transfer.frames import blocks
from harness.board.transfer.window import Sender

WINDOW = 2000
STEP = 472
SIZES = st.integers(1, 12_000)


class Ring:
    """A board that takes what comes in order, holds what is ahead, and says what it has."""

    def __init__(self, total: int, start: int = 0) -> None:
        self.at, self.total, self.held, self.asked = start, total, {}, 0

    def take(self, block):
        if isinstance(block, int):
            self.asked = block
        elif block.offset >= self.at:
            self.held[block.offset] = block.size
        while self.at in self.held:
            self.at += self.held.pop(self.at)
        return self.at, tuple(self.held), self.asked


def sender_of(size, start=0):
    return Sender(blocks(random.Random(size).randbytes(size), start, STEP, True, False), WINDOW)


def exchange(sender, ring, lose):
    """Let both talk; `lose` says of each sending, and of each answer, whether it is lost.

    Where the wire is still, the board is asked with a number.
    """
    wire, log = deque(), []
    for _ in range(20_000):
        if sender.done:
            return log
        while (block := sender.next()) is not None:
            log.append(block)
            assert sender.under_way <= WINDOW or sender.under_way == len(block.line)
            wire.append(block)
        if not wire:
            wire.append(sender.number)
        block = wire.popleft()
        if not lose():
            answer = ring.take(block)
            if not lose():
                sender.acknowledged(*answer)
    raise AssertionError("it does not end")


@given(SIZES)
def test_a_good_line_carries_every_block_once(size):
    sender, ring = sender_of(size), Ring(size)
    log = exchange(sender, ring, lambda: False)
    assert ring.at == size
    assert [block.offset for block in log] == list(range(0, size, STEP))
    assert sender.lost == 0


@given(SIZES, st.randoms(use_true_random=False), st.floats(0, 0.6))
def test_what_is_lost_goes_again_until_all_is_there(size, rng, share):
    sender, ring = sender_of(size), Ring(size)
    log = exchange(sender, ring, lambda: rng.random() < share)
    assert ring.at == size
    assert sender.arrived == size
    assert {block.offset for block in log} == set(range(0, size, STEP))
    assert sender.sent == sum(len(block.line) for block in log)


@given(st.integers(3000, 12_000), st.integers(0, 5))
def test_one_lost_block_costs_one_block(size, number):
    sender, ring = sender_of(size), Ring(size)
    count = iter(range(10_000))
    log = exchange(sender, ring, lambda: next(count) == 2 * number)
    assert ring.at == size
    assert len(log) == -(-size // STEP) + 1


@given(SIZES, st.integers(0, 6))
def test_a_silent_board_is_sent_nothing_twice(size, number):
    """Blocks up to one arrive, then nothing; however often it is asked, no block goes again."""
    sender, ring = sender_of(size), Ring(size)
    count = iter(range(10_000))
    sent = []
    for _ in range(50):
        while (block := sender.next()) is not None:
            sent.append(block.offset)
            if next(count) < number:
                sender.acknowledged(*ring.take(block))
    assert len(sent) == len(set(sent))


@given(st.integers(3000, 12_000), st.sets(st.integers(0, 3)))
def test_an_answer_to_a_question_tells_what_was_lost(size, lost):
    sender, ring = sender_of(size), Ring(size)
    first = list(iter(sender.next, None))
    for place, block in enumerate(first):
        if place not in lost:
            ring.take(block)
    sender.acknowledged(*ring.take(sender.number))
    again = {block.offset for block in iter(sender.next, None)} & {one.offset for one in first}
    assert again == {block.offset for place, block in enumerate(first) if place in lost}


@given(SIZES, st.integers(0, 12_000))
def test_it_begins_where_the_board_is(size, start):
    start = min(start, size)
    sender, ring = sender_of(size, start), Ring(size, start)
    log = exchange(sender, ring, lambda: False)
    assert ring.at == size
    assert sum(block.size for block in log) == size - start


@given(SIZES, st.lists(st.tuples(st.integers(0, 20_000), st.lists(st.integers(0, 20_000)))))
def test_what_no_board_says_does_no_harm(size, answers):
    sender = sender_of(size)
    for arrived, held in answers:
        sender.next()
        sender.acknowledged(arrived, held)
        assert sender.under_way >= 0


def test_a_line_longer_than_the_window_goes_alone():
    sender = Sender(blocks(bytes(9000), 0, 4000, False, False), WINDOW)
    assert sender.next() is not None
    assert sender.next() is None
    sender.acknowledged(4000)
    assert sender.next() is not None
