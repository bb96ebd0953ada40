"""A program of version 5 under construction, made by hand."""

from dataclasses import replace
from math import prod

import numpy as np

from harness.kmodel import DType, Memory, Pool, Port, Program
from harness.kmodel.memory import KPU_BYTES, dense

F32, I32, I64, U8 = DType.F32, DType.I32, DType.I64, DType.U8
NUMPY = {F32: np.float32, I32: np.int32, I64: np.int64, U8: np.uint8}


class Sketch:
    """A program under construction; inputs, outputs and constants get places of their own."""

    def __init__(self, group="1.6-1.9"):
        self.group, self.operations = group, []
        self.sizes = dict.fromkeys(("input", "output", "main"), 0)
        self.ports = {"input": [], "output": []}
        self.data = bytearray(64)
        self.random = np.random.default_rng(5)

    def place(self, pool, dtype, *shape):
        offset = self.sizes.setdefault(pool, 0)
        self.sizes[pool] += -(-prod(shape) * dtype.itemsize // 8) * 8
        return dense(Pool(pool, Memory.MAIN, 0), offset, dtype, shape)

    def main(self, dtype, *shape):
        return self.place("main", dtype, *shape)

    def x(self, *shape, dtype=F32):
        self.ports["input"].append(self.place("input", dtype, *shape))
        return self.ports["input"][-1]

    def out(self, *shape, dtype=F32):
        self.ports["output"].append(self.place("output", dtype, *shape))
        return self.ports["output"][-1]

    def constant(self, values, dtype=F32):
        values = np.asarray(values, NUMPY[dtype])
        found = dense(Pool("file", Memory.CONSTANT, 0), len(self.data), dtype, values.shape)
        self.data += values.tobytes() + bytes(-values.nbytes % 8)
        return found

    def weights(self, *shape):
        return self.constant(self.random.normal(size=shape))

    def add(self, kind, inputs, outputs, **fields):
        name = f"{len(self.operations):02d}_{kind.kind()}"
        self.operations.append(
            kind(name=name, offset=0, inputs=tuple(inputs), outputs=tuple(outputs), **fields)
        )
        return self

    def delivering(self):
        """End with what the last operation wrote: the output is where it lies."""
        self.ports["output"].append(self.operations[-1].output)
        return self

    def program(self):
        sizes = {**self.sizes, "file": len(self.data), "kpu": KPU_BYTES}
        memories = {"file": Memory.CONSTANT, "kpu": Memory.KPU}
        memories |= {"input": Memory.INPUT, "output": Memory.OUTPUT}
        pools = {
            name: Pool(name, memories.get(name, Memory.MAIN), size) for name, size in sizes.items()
        }

        def settle(buffers):
            return tuple(replace(buffer, pool=pools[buffer.pool.name]) for buffer in buffers)

        return Program(
            version=5,
            group=self.group,
            candidates=(self.group,),
            inputs=ports("input", settle(self.ports["input"])),
            outputs=ports("output", settle(self.ports["output"])),
            operations=tuple(
                replace(one, inputs=settle(one.inputs), outputs=settle(one.outputs))
                for one in self.operations
            ),
            pools=tuple(pool for pool in pools.values() if pool.size),
            data=np.frombuffer(bytes(self.data), np.uint8),
            consumed=0,
        )


def ports(kind, buffers):
    return tuple(Port(f"{kind}_{index}", buffer) for index, buffer in enumerate(buffers))
