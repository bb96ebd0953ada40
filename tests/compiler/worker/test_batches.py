"""Batch sizes: never none, never much time, never much memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.compiler.worker.batches import BATCH_BYTES, BATCH_MS, batch_size


@given(st.floats(1e-3, 1e5), st.integers(1, 1 << 26))
def test_batch_size(latency_ms, item_bytes):
    size = batch_size(latency_ms, item_bytes)
    assert size >= 1
    assert size == 1 or size * latency_ms <= BATCH_MS
    assert size == 1 or size * item_bytes <= BATCH_BYTES


def test_a_quick_small_model_goes_in_large_batches():
    assert batch_size(1.0, 1000) == 500
    assert batch_size(1.0, 1 << 20) == 16
