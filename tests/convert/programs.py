"""Programs of one operation, and both sides of a conversion on the same inputs."""

from __future__ import annotations

import numpy as np

from harness.convert import convert
from harness.kmodel import DType, Memory, Pool, Program, load, save
from harness.kmodel.build import ports
from harness.kmodel.memory import KPU_BYTES, dense
from harness.simulator import Simulator

F32, U8 = DType.F32, DType.U8


def program(*operations, inputs, output, constants=()):
    """Return a v5 program.

    Args:
        operations: Functions of (input buffers, constant buffers, output buffer) to an operation.
        inputs: (dtype, shape) of each input.
        output: (dtype, shape) of the output.
        constants: Arrays that stand in the file.
    """
    sizes = [int(np.prod(shape)) * dtype.itemsize for dtype, shape in inputs]
    starts = np.cumsum([0, *(size + -size % 8 for size in sizes)])
    source = Pool("input", Memory.INPUT, int(starts[-1]))
    result = Pool("output", Memory.OUTPUT, int(np.prod(output[1])) * output[0].itemsize)
    raw = [np.ascontiguousarray(values).tobytes() for values in constants]
    raw = [one + bytes(-len(one) % 8) for one in raw]
    data = np.frombuffer(b"".join(raw) or bytes(8), np.uint8)
    file = Pool("file", Memory.CONSTANT, len(data))
    places = np.cumsum([0, *map(len, raw)])
    fixed = [
        dense(file, int(at), U8 if values.dtype == np.uint8 else F32, values.shape)
        for at, values in zip(places, constants, strict=False)
    ]
    given = [
        dense(source, int(at), dtype, shape)
        for at, (dtype, shape) in zip(starts, inputs, strict=False)
    ]
    wanted = dense(result, 0, *output)
    return Program(
        version=5,
        group="1.9",
        candidates=("1.9",),
        inputs=ports("input", given),
        outputs=ports("output", [wanted]),
        operations=tuple(make(given, fixed, wanted) for make in operations),
        pools=(source, result, file, Pool("kpu", Memory.KPU, KPU_BYTES)),
        data=data,
        consumed=len(data),
    )


def single(kind, inputs, output, constants=(), **fields):
    """Return a v5 program of one operation on inputs, then constants."""

    def make(given, fixed, wanted):
        return kind(
            name=f"00_{kind.kind()}",
            offset=0,
            inputs=(*given, *fixed),
            outputs=(wanted,),
            **fields,
        )

    return program(make, inputs=inputs, output=output, constants=constants)


def random_inputs(program, count=3, seed=0):
    """Return a batch for each input: bytes with both ends, or floats of many sizes."""
    generator = np.random.default_rng(seed)
    batches = []
    for port in program.inputs:
        first, *rest = port.buffer.shape
        shape = count * first, *rest
        if port.buffer.dtype is U8:
            batch = generator.integers(0, 256, shape, dtype=np.uint8)
            batch[:first], batch[-first:] = 0, 255
        else:
            sizes = 10.0 ** generator.integers(-3, 3, shape)
            batch = (generator.standard_normal(shape) * sizes).astype(np.float32)
        batches.append(batch)
    return batches


def run(program, inputs):
    """Return the outputs, for inputs in any shape with the right number of elements."""
    shaped = [
        np.ascontiguousarray(batch).reshape(-1, *port.buffer.shape[1:])
        for batch, port in zip(inputs, program.inputs, strict=True)
    ]
    return [value.numpy() for value in Simulator(program)(shaped).values()]


def both(source, version=4, inputs=None, **options):
    """Convert, run source and result, and the result read back from its file.

    Returns:
        The conversion; the source's outputs, and the result's in the source's shapes.
    """
    conversion = convert(source, version, **options)
    inputs = random_inputs(source) if inputs is None else inputs
    expected = run(source, inputs)
    found = run(conversion.program, inputs)
    again = run(load(save(conversion.program)), inputs)
    for one, other in zip(found, again, strict=True):
        assert one.tobytes() == other.tobytes()
    found = [one.reshape(other.shape) for one, other in zip(found, expected, strict=True)]
    return conversion, expected, found


def assert_same(expected, found):
    for one, other in zip(expected, found, strict=True):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()
