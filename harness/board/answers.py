"""What `device_scripts/infer.py` prints, read back: lines with a checksum among the firmware's own.

An answer is `k210:<CRC32 of the text, 8 hex digits>:<text>` and fills the rest of its line. What
else stands on the wire is somebody else's.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from harness.errors import BoardError

_ANSWER = re.compile(r"k210:([0-9a-f]{8}):([^\r\n]*)")

Form = Literal["f", "B"]


class DamagedAnswerError(BoardError):
    """Bytes of an answer were lost or changed on the line; asking again may help."""


@dataclass(frozen=True)
class OutputForm:
    """One output as the firmware has it.

    Attributes:
        form: "f" for float32, "B" for uint8.
        shape: As the model has it; with the axis of the batch, which is 1.
    """

    form: Form
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of values."""
        return prod(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type."""
        return np.dtype("<f4" if self.form == "f" else "u1")


@dataclass(frozen=True)
class Inference:
    """What a board made of one input.

    Attributes:
        microseconds: Time of the run by the board's own clock.
        outputs: In file order, with their shapes.
    """

    microseconds: int
    outputs: tuple[npt.NDArray[Any], ...]


def answers(printed: str) -> Iterator[str]:
    """Yield the texts of all answers in what a board printed.

    Raises:
        DamagedAnswerError: A checksum does not fit.
    """
    for match in _ANSWER.finditer(printed):
        checksum, text = match.groups()
        if zlib.crc32(text.encode()) != int(checksum, 16):
            raise DamagedAnswerError(f"the board's answer came damaged: {text[:40]!r}")
        yield text


def expect(printed: str, last: str) -> list[str]:
    """Return the answers in front of the last one, which has to be `last`.

    Raises:
        DamagedAnswerError: It is missing, or a checksum does not fit.
    """
    found = list(answers(printed))
    if not found or found[-1] != last:
        end = printed.strip()[-60:]
        raise DamagedAnswerError(f"the board's answer ends with {end!r}, not with {last!r}")
    return found[:-1]


def times(found: Sequence[str]) -> list[int]:
    """Return all times in microseconds, in order."""
    return [int(word) for text in found if text[:2] == "t " for word in text.split()[1:]]


def inference(printed: str, forms: Sequence[OutputForm], path: str) -> Inference:
    """Return the result of one run.

    Args:
        printed: What the board printed.
        forms: The outputs.
        path: Of the input that it was to run on; where the call was garbled it ran on another.

    Raises:
        DamagedAnswerError: Something is missing or damaged.
    """
    found = expect(printed, f"done {path!r}")
    taken = times(found)
    pieces: list[list[tuple[int, bytes]]] = [[] for _ in forms]
    for text in found:
        if text[:2] == "o ":
            _, index, start, data = text.split()
            pieces[int(index)].append((int(start), base64.b64decode(data)))
    if len(taken) != 1:
        raise DamagedAnswerError(f"the board's answer has {len(taken)} times, not one")
    outputs = tuple(_joined(form, part) for form, part in zip(forms, pieces, strict=True))
    return Inference(taken[0], outputs)


def _joined(form: OutputForm, pieces: list[tuple[int, bytes]]) -> npt.NDArray[Any]:
    raw, wanted = bytearray(), form.count * form.dtype.itemsize
    for start, data in pieces:
        if start != len(raw):
            raise DamagedAnswerError(f"bytes {len(raw)} to {start} of an output are missing")
        raw += data
    if len(raw) != wanted:
        raise DamagedAnswerError(f"{len(raw)} of {wanted} bytes of an output came")
    return np.frombuffer(bytes(raw), form.dtype).reshape(form.shape)
