"""What a file of version 3 or 4 says, without the bytes that the format leaves free.

Walks the files with `struct` and knows nothing of the package's readers and writers. What is free
is listed in docs/kmodel.md; everything else is yielded and has to be equal.
"""

import struct

RANGE = 16
PAD, RESIZE, SLICE, CONV = 0x05, 0x0A, 0x0D, 0x2002
CONV_V3, CONCATS = 10240, (16, 17)
# Where the three registers that hold addresses have them, in bytes from the first register.
ADDRESSES = (4 * 8 + 4, 5 * 8 + 4, 7 * 8 + 4)


def words(data, at, count):
    return struct.unpack_from(f"<{count}I", data, at)


def parts_v4(data):
    """Yield (name, bytes) of everything that means something in a v4 file."""
    _, _, flags, target, constants, main, nodes, inputs, outputs, _ = words(data, 0, 10)
    yield "header", (flags, target, main, nodes, inputs, outputs)
    at = 40
    ends = inputs * (RANGE + 16) + outputs * RANGE
    yield "ends", data[at : at + ends]
    at += ends
    yield "constants", data[at : at + constants]
    at += constants
    headers = [words(data, at + 8 * index, 2) for index in range(nodes)]
    at += 8 * nodes
    for index, (opcode, size) in enumerate(headers):
        body = data[at : at + size].ljust(size, b"\0")
        yield f"node {index}", (opcode, *NODES.get(opcode, whole)(body))
        at += size


def whole(body):
    return (body,)


def pad(body):
    """The type of the value is not initialised; of a byte's four only the first counts."""
    at = 2 * RANGE + 16 + 32
    (dtype,) = words(body, 4, 1)
    return body[:at], body[at + 4 : at + (8 if dtype == 0 else 5)]


def resize(body):
    """Behind the byte that says how corners are aligned, the structure is filled up."""
    return (body[: 2 * RANGE + 16 + 12 + 1],)


def strided_slice(body):
    """The runtime does not look at the masks."""
    return (body[: 2 * RANGE + 4 * 16],)


def conv(body):
    """Blobs stand behind gaps, whose lengths stand in the registers of their addresses."""
    at = RANGE + 8
    registers = bytearray(body[at : at + 96])
    gaps = []
    for address in ADDRESSES:
        gaps += words(registers, address, 1)
        registers[address : address + 4] = bytes(4)
    norm, act, weights = gaps[0], gaps[2], gaps[1]
    channels, tables = layer_sizes(registers)
    norm += at + 96
    act += norm + 8 * channels
    weights += act + 144
    blobs = body[norm : norm + 8 * channels], body[act : act + 144]
    return body[: RANGE + 4], bytes(registers), *blobs, body[weights : weights + tables]


def layer_sizes(registers):
    """Return output channels, and the number of weights."""
    sizes, kind = struct.unpack_from("<Q", registers, 16)[0], registers[32] & 7
    into, out = (sizes & 1023) + 1, (sizes >> 32 & 1023) + 1
    return out, out * (1 if registers[0] & 8 else into) * (9 if kind == 1 else 1)


NODES = {PAD: pad, RESIZE: resize, SLICE: strided_slice, CONV: conv}


def parts_v3(data):
    """Yield (name, bytes) of everything that means something in a v3 file."""
    version, flags, arch, layers, _, main, outputs = words(data, 0, 7)
    yield "header", (version, flags, arch, layers, main, outputs)
    yield "outputs", data[28 : 28 + 8 * outputs]
    at = 28 + 8 * outputs
    headers = [words(data, at + 8 * index, 2) for index in range(layers)]
    at += 8 * layers
    for index, (kind, size) in enumerate(headers):
        # Bodies are filled up to whole words of 8 bytes, or not.
        body = data[at : at + size].ljust(size + -size % 8, b"\0")
        if kind == CONV_V3:
            yield f"layer {index}", (kind, *conv_v3(data, body, flags & 1))
        else:
            # Both concatenations run the same code, and only a convolution's flags are looked at.
            yield f"layer {index}", (CONCATS[0] if kind in CONCATS else kind, body[4:])
        at += size


def conv_v3(data, body, eight_bit):
    """Registers and tables stand anywhere in the file."""
    flags, main, layer, weights, norm, act = words(body, 0, 6)
    registers = bytearray(data[layer : layer + 96])
    for address in ADDRESSES:
        registers[address : address + 4] = bytes(4)
    channels, count = layer_sizes(registers)
    count *= 1 if eight_bit else 2
    return (
        flags,
        main if flags & 1 else None,
        bytes(registers),
        data[weights : weights + count],
        data[norm : norm + 8 * channels],
        data[act : act + 144],
    )
