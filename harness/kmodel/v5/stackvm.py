"""The byte code of `stackvm` modules, run symbolically into operations.

Source: nncase v1.9.0 `include/nncase/runtime/stackvm/opcode.h`, `src/runtime/stackvm/ops`; the
numbers below 0x5E are the same in all releases. Compilers emit straight code: pushes, shape
registers, tensor instructions. Branches, memory reads and arithmetic are refused by name.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import KModelError
from harness.kmodel.build import OperationList
from harness.kmodel.kpu_layer import LayerReader
from harness.kmodel.reader import Reader
from harness.kmodel.v5.k210 import Call
from harness.kmodel.v5.machine import Address, Machine
from harness.kmodel.v5.memory import Pools
from harness.kmodel.v5.model import Function, Model, Parameter
from harness.kmodel.v5.opcodes import (
    DROP,
    DUPLICATE,
    LOAD_0,
    LOAD_1,
    LOAD_ADDRESS,
    LOAD_FLOAT,
    LOAD_INT,
    LOAD_NULL,
    NOP,
    RETURN,
    STORE_PADDINGS,
    STORE_SHAPE,
    TENSOR,
)
from harness.kmodel.v5.releases import Layout, Release
from harness.kmodel.v5.stacks import STACKS
from harness.kmodel.v5.tensors import TENSORS
from harness.kmodel.v5.tensors.instruction import Instruction

_U16 = struct.Struct("<H")
LAST = TENSOR
OTHER_BACKEND = "run it with the nncase backend"


@dataclass
class Execution:
    """One symbolic run of the entry function.

    Attributes:
        model: The file.
        pools: Its pools.
        layers: Makes KPU layers.
        machine: Stack and registers.
        done: Operations so far.
    """

    model: Model
    pools: Pools
    layers: LayerReader
    machine: Machine
    done: OperationList

    def run(self) -> None:
        """Run the code to its end.

        Raises:
            KModelError: The code cannot be that of the release.
        """
        reader, machine = self.machine.reader, self.machine
        layouts: dict[int, tuple[str, Layout | None]] = {}
        for number, name in enumerate(machine.release.functions):
            layouts[number] = name, machine.release.layout(name)
        while reader.left:
            machine.at = reader.position
            opcode = reader.u8("opcode")
            if opcode == RETURN:
                break
            if opcode == TENSOR:
                self._tensor(layouts)
            elif opcode in BASIC:
                BASIC[opcode](self)
            else:
                _refuse(machine.at, opcode)
        if machine.depth:
            machine.fail("stack at the end", f"{machine.depth} values", "no values")

    def _tensor(self, layouts: dict[int, tuple[str, Layout | None]]) -> None:
        reader, machine = self.machine.reader, self.machine
        (number,) = reader.unpack(_U16, "tensor instruction")
        if number not in layouts:
            machine.fail("tensor instruction", number, f"below {len(layouts)}")
        name, layout = layouts[number]
        if layout is None:
            machine.fail("tensor instruction", name, "one that the runtime can run")
        values = reader.unpack(layout.packed, f"operands of {name}")
        operands = dict(zip(layout.names, values, strict=True))
        instruction = Instruction(name, operands, machine.take(STACKS.get(name, "")), machine)
        if name == "call":
            self._call(instruction)
        elif name in TENSORS:
            self.done.add(TENSORS[name](instruction))
        else:
            raise KModelError(
                machine.at, "tensor instruction", name, "one that can be simulated", OTHER_BACKEND
            )

    def _call(self, instruction: Instruction) -> None:
        machine = self.machine
        index = instruction.number("module")
        number = int(instruction.operands.get("function", 0))
        function = self._callee(index, number)
        outputs = [self._argument() for _ in range(instruction.number("outputs"))][::-1]
        inputs = [self._argument() for _ in range(instruction.number("inputs"))][::-1]
        _match(machine, "inputs", inputs, function.inputs)
        _match(machine, "outputs", outputs, function.outputs)
        call = Call(
            pools=self.pools,
            module=index,
            function=function,
            inputs=tuple(address for address, _ in inputs),
            outputs=tuple(address for address, _ in outputs),
            layers=self.layers,
        )
        call.run(machine.reader, self.done)

    def _callee(self, index: int, number: int) -> Function:
        modules = self.model.modules
        if index >= len(modules) or modules[index].kind != "k210":
            self.machine.fail("called module", index, "a module for the k210")
        if number >= len(modules[index].functions):
            self.machine.fail("called function", number, f"below {len(modules[index].functions)}")
        return modules[index].functions[number]

    def _argument(self) -> tuple[Address, tuple[int, ...]]:
        """Take strides, shape, element type and address of an argument."""
        machine = self.machine
        machine.numbers(machine.pop_int())
        shape = machine.sizes(machine.pop_int())
        machine.dtype(machine.pop_int() & 0xFF)
        return machine.pop_address(), shape


def _match(
    machine: Machine,
    what: str,
    arguments: list[tuple[Address, tuple[int, ...]]],
    parameters: tuple[Parameter, ...],
) -> None:
    given, wanted = [shape for _, shape in arguments], [p.shape for p in parameters]
    if given != wanted:
        machine.fail(f"{what} of a call", given, f"{wanted}")


def _lea_buffer(run: Execution) -> None:
    reader = run.machine.reader
    location = reader.u8("location")
    reader.skip(1, "sub-resource")
    offset = reader.u32("offset")
    entry = run.model.entry_module
    run.machine.push(run.pools.address(entry, location, offset, run.machine.at))


def _store_shape(run: Execution) -> None:
    register, rank = run.machine.reader.u8("register"), run.machine.reader.u8("rank")
    run.machine.store_shape(register, rank)


def _store_paddings(run: Execution) -> None:
    register, rank = run.machine.reader.u8("register"), run.machine.reader.u8("rank")
    run.machine.store_paddings(register, rank)


def _duplicate(run: Execution) -> None:
    value = run.machine.pop()
    run.machine.push(value)
    run.machine.push(value)


def _nothing(run: Execution) -> None:
    """Do nothing."""


def _refuse(at: int, opcode: int) -> None:
    if opcode > LAST:
        raise KModelError(at, "opcode", f"{opcode:#04x}", f"at most {LAST:#04x}")
    raise KModelError(
        at, "opcode", f"{opcode:#04x}", "an instruction that nncase emits", OTHER_BACKEND
    )


BASIC: dict[int, Callable[[Execution], object]] = {
    NOP: _nothing,
    LOAD_NULL: lambda run: run.machine.push(0),
    LOAD_INT: lambda run: run.machine.push(run.machine.reader.i32("constant")),
    LOAD_0: lambda run: run.machine.push(0),
    LOAD_1: lambda run: run.machine.push(1),
    LOAD_FLOAT: lambda run: run.machine.push(run.machine.reader.f32("constant")),
    LOAD_ADDRESS: _lea_buffer,
    DUPLICATE: _duplicate,
    DROP: lambda run: run.machine.pop(),
    STORE_SHAPE: _store_shape,
    STORE_PADDINGS: _store_paddings,
}


def execute(model: Model, pools: Pools, release: Release) -> OperationList:
    """Return the operations of a model as a release reads it.

    Raises:
        KModelError: The code cannot be that of the release.
    """
    entry = model.entry
    reader = Reader(model.data, entry.start, entry.stop)
    layers = LayerReader(model.data, pools.file, pools.kpu)
    run = Execution(model, pools, layers, Machine(release, reader), OperationList())
    run.run()
    return run.done
