import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kmodel import DType, Memory, Pool, load
from harness.kmodel.dataflow import byte_views, producers
from harness.kmodel.layout import channel_offset, kpu_bytes, row_layout
from harness.kmodel.memory import dense, feature_map
from tests.kmodel.conftest import V5

KPU = Pool("kpu", Memory.KPU, 1 << 18)
MAIN = Pool("main", Memory.MAIN, 4096)


@pytest.mark.parametrize("name", V5)
def test_every_input_was_written_by_somebody(kmodels, name):
    program = load(kmodels / f"{name}.kmodel")
    found = producers(program)
    assert set(found) == {op.name for op in program.operations} | {"output_0"}
    for parts in (parts for sources in found.values() for parts in sources):
        assert all(part.producer for part in parts)
        assert sum(part.stop - part.start for part in parts) > 0


def test_two_results_side_by_side_are_one_input(kmodels):
    """nncase concatenates in place for the residual sum: two dequantised maps, one quantise."""
    program = load(kmodels / "residual.kmodel")
    left, right = producers(program)["08_quantize"][0]
    assert (left.producer, right.producer) == ("06_dequantize", "07_dequantize")
    assert left.stop == right.start
    assert not left.exact
    whole = program.operation("08_quantize").input
    assert (left.start, right.stop) == (whole.offset, whole.end)


def test_a_reshape_is_still_the_same_value(kmodels):
    program = load(kmodels / "mbv1_025_128.kmodel")
    (source,) = producers(program)["38_copy"][0]
    assert (source.producer, source.exact) == ("37_copy", True)
    (cut,) = producers(program)["37_copy"][0]
    assert (cut.producer, cut.exact) == ("36_dequantize", False)


maps = st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 6), st.integers(1, 130))


@given(maps)
def test_feature_maps_lie_where_the_layout_says(shape):
    batches, channels, height, width = shape
    buffer = feature_map(KPU, 3, shape)
    pool = np.zeros(KPU.size, np.uint8)
    for view in byte_views(buffer, pool):
        view[...] += 1
    expected = np.zeros_like(pool)
    for batch in range(batches):
        image = 3 * 64 + batch * kpu_bytes(width, height, channels)
        for channel in range(channels):
            first = image + channel_offset(channel, height, width)
            for line in range(height):
                start = first + line * row_layout(width).row_len * 64
                expected[start : start + width] += 1
    np.testing.assert_array_equal(pool, expected)
    assert pool.max() == 1
    assert pool.nonzero()[0].max() < buffer.end


@given(st.integers(0, 100), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_bytes_of_tensors_without_gaps(offset, shape):
    buffer = dense(MAIN, offset, DType.F32, tuple(shape))
    pool = np.zeros(MAIN.size, np.uint8)
    for view in byte_views(buffer, pool):
        view[...] += 1
    assert (pool[offset : buffer.end] == 1).all()
    assert pool.sum() == buffer.nbytes == 4 * np.prod(shape)
    assert buffer.contiguous
