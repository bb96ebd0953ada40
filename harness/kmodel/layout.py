"""How feature maps lie in KPU memory, in rows of 64 bytes.

Narrow maps share rows: up to 16 columns wide, four channels lie side by side in a row; up to 32
columns, two. Wider maps take `ceil(width / 64)` rows a line. Every image of a batch is a block of
its own. Source: nncase v1.9.0 `runtime_op_utility.h`, the same in v0.2.0-beta4.
"""

from __future__ import annotations

from dataclasses import dataclass

ROW_BYTES = 64


@dataclass(frozen=True)
class RowLayout:
    """Layout of one width.

    Attributes:
        groups: Channels that share a row.
        row_len: Rows that one line of a channel takes.
        pitch: Bytes from one channel to the next in a shared row.
    """

    groups: int
    row_len: int
    pitch: int


def row_layout(width: int) -> RowLayout:
    """Return the layout of maps `width` columns wide."""
    if width <= 16:
        return RowLayout(groups=4, row_len=1, pitch=16)
    if width <= 32:
        return RowLayout(groups=2, row_len=1, pitch=32)
    return RowLayout(groups=1, row_len=-(-width // ROW_BYTES), pitch=ROW_BYTES)


def kpu_rows(width: int, height: int, channels: int) -> int:
    """Return the rows of 64 bytes that one image takes."""
    layout = row_layout(width)
    blocks = -(-channels // min(channels, layout.groups))
    return layout.row_len * height * blocks


def kpu_bytes(width: int, height: int, channels: int) -> int:
    """Return the bytes that one image takes, gaps included."""
    return kpu_rows(width, height, channels) * ROW_BYTES


def channel_offset(channel: int, height: int, width: int) -> int:
    """Return the byte of a channel's first element, from the start of its image."""
    layout = row_layout(width)
    block, place = divmod(channel, layout.groups)
    return block * layout.row_len * height * ROW_BYTES + place * layout.pitch
