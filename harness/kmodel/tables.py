"""What follows the sum in a KPU layer: batch norm and the activation table, and back to bytes.

Source: nncase v1.9.0 `runtime_types.h`, the same in v0.2.0-beta4 and in kendryte-standalone-sdk
`kpu.h`. Values are decoded when they are asked for: a table of a stranger's file costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]

SEGMENTS = 16
ACTIVATION_BYTES = 8 * SEGMENTS + SEGMENTS


def _signed(words: Words, bit: int, width: int) -> Integers:
    up = np.uint64(64 - bit - width)
    return (words << up).view(np.int64) >> np.int64(64 - width)


def _unsigned(words: Words, bit: int, width: int) -> Integers:
    mask = np.uint64((1 << width) - 1)
    return ((words >> np.uint64(bit)) & mask).astype(np.int64)


def _packed(values: npt.ArrayLike, bit: int, width: int) -> Words:
    bits = np.asarray(values, np.int64).view(np.uint64) & np.uint64((1 << width) - 1)
    return bits << np.uint64(bit)


@dataclass(frozen=True, eq=False, slots=True)
class BatchNorm:
    """`(sum * multiplier >> shift) + addend`, one row an output channel.

    Attributes:
        words: uint64 [out channels], as stored.
    """

    words: Words

    @property
    def multiplier(self) -> Integers:
        """int64 [out channels], 24 bits signed."""
        return _signed(self.words, 0, 24)

    @property
    def addend(self) -> Integers:
        """int64 [out channels], 32 bits signed."""
        return _signed(self.words, 24, 32)

    @property
    def shift(self) -> Integers:
        """int64 [out channels], 0 to 15."""
        return _unsigned(self.words, 56, 4)

    @classmethod
    def encode(
        cls, multiplier: npt.ArrayLike, addend: npt.ArrayLike, shift: npt.ArrayLike
    ) -> BatchNorm:
        """Return the table of three [out channels] sequences."""
        return cls(_packed(multiplier, 0, 24) | _packed(addend, 24, 32) | _packed(shift, 56, 4))


@dataclass(frozen=True, eq=False, slots=True)
class ActivationTable:
    """Sixteen straight segments: `((x - start) * multiplier >> shift, rounded) + bias`.

    The last segment whose start lies below x is taken; the result is clamped to 0 … 255.

    Attributes:
        words: uint64 [16], as stored.
        bias: uint8 [16].
    """

    words: Words
    bias: npt.NDArray[np.uint8]

    @property
    def start(self) -> Integers:
        """int64 [16], 36 bits signed."""
        return _signed(self.words, 24, 36)

    @property
    def multiplier(self) -> Integers:
        """int64 [16], 16 bits signed."""
        return _signed(self.words, 8, 16)

    @property
    def shift(self) -> Integers:
        """int64 [16], 0 to 255; compilers write 0 to 43."""
        return _unsigned(self.words, 0, 8)

    @classmethod
    def decode(cls, data: npt.NDArray[Any]) -> ActivationTable:
        """Return the table in 144 bytes."""
        return cls(data[: 8 * SEGMENTS].view("<u8"), data[8 * SEGMENTS : ACTIVATION_BYTES])

    @classmethod
    def encode(
        cls,
        start: npt.ArrayLike,
        multiplier: npt.ArrayLike,
        shift: npt.ArrayLike,
        bias: npt.ArrayLike,
    ) -> ActivationTable:
        """Return the table of four sequences of 16."""
        words = _packed(shift, 0, 8) | _packed(multiplier, 8, 16) | _packed(start, 24, 36)
        return cls(words, np.asarray(bias, np.uint8))

    def tobytes(self) -> bytes:
        """Return the 144 bytes of the table."""
        return self.words.astype("<u8").tobytes() + self.bias.tobytes()
