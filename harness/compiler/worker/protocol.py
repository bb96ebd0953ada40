"""Frames between the harness and the nncase worker: a JSON message and raw arrays.

Both sides read this file, so it keeps to Python 3.7, the standard library and numpy.

A frame is the four bytes `MAGIC`, the length of the header as little-endian uint32, the header
(`{"message": {...}, "arrays": [[name, dtype, shape], ...]}` in UTF-8 JSON), and then the bytes
of each array in C order, without gaps.
"""

from __future__ import annotations

import json
import struct
from typing import IO, TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Tuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

MAGIC = b"k210"
MAX_HEADER = 1 << 20
MAX_PAYLOAD = 1 << 31

_PREFIX = struct.Struct("<4sI")
_NUMBERS = "biuf"


class ProtocolError(Exception):
    """Bytes that are no frame, a frame that ends early, or one that is too large to send."""


class Frame(NamedTuple):
    """One message.

    Attributes:
        message: Any JSON object.
        arrays: Booleans, integers and floats of any shape and byte order, by name.
    """

    message: Dict[str, Any]
    arrays: Dict[str, Array]


def from_bytes(data: bytes) -> Array:
    """Return uint8 [len(data)], for a file that travels as an array."""
    return np.frombuffer(data, np.uint8)


def write_frame(stream: IO[bytes], message: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Send one frame and flush.

    Raises:
        ProtocolError: The frame breaks a limit or an array holds no numbers; nothing was sent.
        OSError: The other side is gone.
    """
    header = _encode_header(message, arrays)
    stream.write(_PREFIX.pack(MAGIC, len(header)))
    stream.write(header)
    for array in arrays.values():
        stream.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Frame | None:
    """Receive one frame; None when the stream ended where a frame would begin.

    Raises:
        ProtocolError: The bytes are no frame, or the stream ended inside one.
    """
    prefix = stream.read(_PREFIX.size)
    if not prefix:
        return None
    if len(prefix) < _PREFIX.size:
        raise ProtocolError("the stream ended inside a frame")
    magic, length = _PREFIX.unpack(prefix)
    if magic != MAGIC or length > MAX_HEADER:
        raise ProtocolError(f"not a frame: {prefix!r}")
    header = bytearray(length)
    _fill(stream, memoryview(header))
    message, specs = _decode_header(bytes(header))
    return Frame(message, {name: _read_array(stream, dtype, shape) for name, dtype, shape in specs})


Spec = Tuple[str, "np.dtype[Any]", Tuple[int, ...]]


def _encode_header(message: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    specs = [(name, array.dtype, array.shape) for name, array in arrays.items()]
    _check(specs)
    described = [[name, dtype.str, shape] for name, dtype, shape in specs]
    header = json.dumps({"message": message, "arrays": described}).encode()
    if len(header) > MAX_HEADER:
        raise ProtocolError(f"a header of {len(header)} bytes is over {MAX_HEADER}")
    return header


def _decode_header(header: bytes) -> Tuple[Dict[str, Any], List[Spec]]:
    try:
        content = json.loads(header.decode())
        message = dict(content["message"])
        specs = [
            (str(name), np.dtype(dtype), tuple(int(side) for side in shape))
            for name, dtype, shape in content["arrays"]
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise ProtocolError(f"not a header: {error}") from error
    _check(specs)
    return message, specs


def _check(specs: List[Spec]) -> None:
    total = 0
    for name, dtype, shape in specs:
        if dtype.kind not in _NUMBERS:
            raise ProtocolError(f"array {name} of {dtype} does not hold numbers")
        if any(side < 0 for side in shape):
            raise ProtocolError(f"array {name} has the shape {shape}")
        total += _size(dtype, shape)
    if total > MAX_PAYLOAD:
        raise ProtocolError(f"arrays of {total} bytes are over {MAX_PAYLOAD}")


def _size(dtype: np.dtype[Any], shape: Tuple[int, ...]) -> int:
    # Python's own integers: numpy's would overflow on a shape that a broken header made up.
    size = dtype.itemsize
    for side in shape:
        size *= side
    return size


def _read_array(stream: IO[bytes], dtype: np.dtype[Any], shape: Tuple[int, ...]) -> Array:
    data = bytearray(_size(dtype, shape))
    _fill(stream, memoryview(data))
    return np.ndarray(shape, dtype, data)


def _fill(stream: IO[bytes], view: memoryview) -> None:
    while view:
        chunk = stream.read(len(view))
        if not chunk:
            raise ProtocolError("the stream ended inside a frame")
        view[: len(chunk)] = chunk
        view = view[len(chunk) :]
