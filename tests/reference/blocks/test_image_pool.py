"""History buffers: whole pictures, half a batch, never too many, never lost at once.

Every picture here carries its own number in all of its pixels, so that it can be told apart.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator

from reference.blocks.image_pool import ImagePool

SHAPE = (2, 3, 4)
capacities, batches, seeds = st.integers(1, 40), st.integers(2, 16), st.integers(0, 1000)


def numbered(first: int, count: int) -> torch.Tensor:
    numbers = torch.arange(first, first + count, dtype=torch.float32)
    return numbers.view(-1, 1, 1, 1).expand(-1, *SHAPE).clone()


def numbers(images: torch.Tensor) -> list[int]:
    """Return the pictures' numbers; one that was put together from several fails."""
    if not images.numel():
        return []
    assert torch.equal(images, images[:, :1, :1, :1].expand_as(images))
    return [int(value) for value in images[:, 0, 0, 0]]


@given(capacity=capacities, batch=batches, rounds=st.integers(1, 12), seed=seeds)
def test_a_mixed_batch_is_half_new_and_half_old(capacity, batch, rounds, seed):
    pool, stream = ImagePool(capacity), Generator().manual_seed(seed)
    for number in range(rounds):
        before = set(numbers(pool.images)) if len(pool) else set()
        made = numbered(number * batch, batch)
        mixed = numbers(pool.mix(made, stream))
        old = min(batch // 2, len(before))
        assert len(mixed) == batch
        assert mixed[: batch - old] == numbers(made)[: batch - old]
        assert set(mixed[batch - old :]) <= before
        assert len(set(mixed)) == batch


@given(capacity=capacities, batch=batches, rounds=st.integers(1, 12), seed=seeds)
def test_a_full_pool_changes_half_a_batch_an_update(capacity, batch, rounds, seed):
    pool, stream = ImagePool(capacity), Generator().manual_seed(seed)
    seen: set[int] = set()
    for number in range(rounds):
        before = numbers(pool.images) if len(pool) else []
        made = numbered(number * batch, batch)
        pool.mix(made, stream)
        after = numbers(pool.images)
        added = min(batch // 2, capacity)
        seen |= set(numbers(made))
        assert 0 < len(pool) == len(after) == min(capacity, len(before) + added)
        assert set(after) <= seen
        assert len(set(after) - set(before)) == added
        if len(before) == capacity:
            changed = [a != b for a, b in zip(before, after, strict=True)]
            assert sum(changed) == added


@given(capacity=capacities, counts=st.lists(st.integers(0, 50), max_size=6), seed=seeds)
def test_it_never_holds_more_than_its_capacity(capacity, counts, seed):
    pool, stream, first = ImagePool(capacity), Generator().manual_seed(seed), 0
    for count in counts:
        pool.push(numbered(first, count), stream)
        first += count
        assert len(pool) <= capacity
        if count:
            newest = range(first - min(count, capacity), first)
            assert set(newest) <= set(numbers(pool.images))


@given(capacity=capacities, count=st.integers(0, 60), seed=seeds)
def test_a_sample_has_no_picture_twice_and_changes_nothing(capacity, count, seed):
    pool, stream = ImagePool(capacity), Generator().manual_seed(seed)
    pool.push(numbered(0, capacity), stream)
    before = pool.images.clone()
    sample = numbers(pool.sample(count, stream))
    assert len(set(sample)) == len(sample) == min(count, capacity)
    assert torch.equal(pool.images, before)


@given(capacity=capacities, batch=batches, seed=seeds)
def test_a_restored_pool_goes_on_as_the_first(capacity, batch, seed):
    pool, stream = ImagePool(capacity), Generator().manual_seed(seed)
    pool.mix(numbered(0, batch), stream)
    other = ImagePool(capacity)
    other.restore(pool.state())
    streams = [Generator().manual_seed(seed + 1) for _ in range(2)]
    mixed = [
        one.mix(numbered(batch, batch), stream)
        for one, stream in zip((pool, other), streams, strict=True)
    ]
    assert torch.equal(*mixed)
    assert torch.equal(pool.images, other.images)


def test_a_restored_empty_pool_is_empty():
    pool = ImagePool(4)
    pool.push(numbered(0, 3), Generator())
    pool.restore(ImagePool(4).state())
    assert len(pool) == 0


def test_what_it_keeps_holds_no_gradient_and_no_memory_of_the_batch():
    pool, stream = ImagePool(4), Generator().manual_seed(0)
    made = numbered(0, 4).requires_grad_()
    pool.push(made * 1, stream)
    assert not pool.images.requires_grad
    with torch.no_grad():
        made.fill_(99)
    assert numbers(pool.images) == [0, 1, 2, 3]


def test_an_odd_batch_keeps_its_size():
    pool, stream = ImagePool(10), Generator().manual_seed(0)
    for first in (0, 5, 10):
        assert len(pool.mix(numbered(first, 5), stream)) == 5


def test_a_pool_for_no_picture_is_refused():
    with pytest.raises(ValueError, match="keeps none"):
        ImagePool(0)
