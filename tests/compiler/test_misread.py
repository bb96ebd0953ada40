"""Which readings of cut maps are wrong, on buffers by hand; in compiled models elsewhere."""

import pytest

from harness.compiler.misread import _joins_lines, _leaves_the_map
from harness.kmodel.memory import Buffer, DType, Memory, Pool, dense

POOL = Pool("main", Memory.MAIN, 1 << 16)
WHOLE = dense(POOL, 64, DType.U8, (1, 8, 32, 32))


def part(shape, offset):
    return dense(POOL, 64 + offset, DType.U8, shape)


def cut(shape, offset):
    return Buffer(POOL, 64 + offset, DType.U8, shape, WHOLE.strides)


@pytest.mark.parametrize(
    ("read", "wrong"),
    [
        (part((1, 8, 32, 32), 0), False),
        (part((1, 32, 16, 16), 0), False),
        (part((1, 4, 32, 32), 1024), False),
        (part((1, 1, 16, 32), 512), False),
        (part((1, 8, 30, 30), 33), True),
        (part((1, 8, 16, 32), 0), True),
        (part((1, 1, 16, 16), 0), True),
    ],
)
def test_an_upload_reads_on_across_the_ends_of_lines(read, wrong):
    assert _joins_lines(read, WHOLE) is wrong


@pytest.mark.parametrize(
    ("read", "wrong"),
    [
        (cut((1, 8, 30, 30), 33), False),
        (cut((1, 8, 15, 30), 16 * 32 + 1), False),
        (cut((1, 8, 15, 30), 15 * 30 + 33), True),
        (cut((1, 8, 16, 32), 17 * 32), True),
        (part((1, 8, 30, 30), 33), False),
    ],
)
def test_a_cut_of_a_cut_leaves_the_map(read, wrong):
    assert _leaves_the_map(read, WHOLE) is wrong
