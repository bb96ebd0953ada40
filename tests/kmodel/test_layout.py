"""Feature maps in rows of 64 bytes: four side by side up to 16 columns, two up to 32, else one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kmodel.layout import channel_offset, kpu_bytes, kpu_rows


@pytest.mark.parametrize(
    ("width", "height", "channels", "rows"),
    [
        (1, 1, 1, 1),
        (16, 1, 4, 1),
        (16, 1, 5, 2),
        (17, 1, 4, 2),
        (32, 1, 2, 1),
        (32, 3, 3, 6),
        (33, 1, 2, 2),
        (64, 1, 1, 1),
        (65, 1, 1, 2),
        (320, 240, 3, 5 * 240 * 3),
    ],
)
def test_rows_at_the_widths_where_the_layout_changes(width, height, channels, rows):
    assert kpu_rows(width, height, channels) == rows
    assert kpu_bytes(width, height, channels) == 64 * rows


@pytest.mark.parametrize(
    ("channel", "height", "width", "first"),
    [(3, 2, 16, 48), (4, 2, 16, 128), (1, 2, 17, 32), (2, 2, 32, 128), (1, 2, 33, 128)],
)
def test_where_channels_begin(channel, height, width, first):
    assert channel_offset(channel, height, width) == first


@given(st.integers(1, 130), st.integers(1, 8), st.integers(1, 12))
def test_channels_lie_inside_and_begin_one_behind_the_other(width, height, channels):
    places = [channel_offset(channel, height, width) for channel in range(channels)]
    assert places == sorted(set(places))
    assert places[-1] + width <= kpu_bytes(width, height, channels)
