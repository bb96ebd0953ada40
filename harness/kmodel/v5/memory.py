"""Pools of a v5 file, and how locations become places in them."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import KModelError
from harness.kmodel.build import checked_pool, checked_total, file_pool, inside
from harness.kmodel.memory import KPU_BYTES, Buffer, Memory, Pool, dense
from harness.kmodel.v5.machine import Address
from harness.kmodel.v5.model import (
    CONSTANT,
    DATA,
    INPUT,
    KPU,
    OUTPUT,
    Model,
    Module,
    Parameter,
    Range,
)


@dataclass(frozen=True)
class Pools:
    """The pools of a file.

    Attributes:
        input: Inputs of the model, as the entry function places them.
        output: Outputs of the model.
        file: The file.
        kpu: KPU memory.
        data: Working memory, one pool a module.
        modules: The modules, in the same order.
    """

    input: Pool
    output: Pool
    file: Pool
    kpu: Pool
    data: tuple[Pool, ...]
    modules: tuple[Module, ...]

    @classmethod
    def of(cls, model: Model) -> Pools:
        """Return the pools of a file, checked against a K210.

        Raises:
            KModelError: They do not fit.
        """
        entry = model.entry
        data = tuple(
            checked_pool(_name(model, index), Memory.MAIN, *module.pools.get(DATA, (0, 0)))
            for index, module in enumerate(model.modules)
        )
        for module in model.modules:
            checked_pool("kpu", Memory.KPU, *module.pools.get(KPU, (0, 0)))
        pools = cls(
            input=_ends("input", Memory.INPUT, entry.inputs),
            output=_ends("output", Memory.OUTPUT, entry.outputs),
            file=file_pool(len(model.data)),
            kpu=Pool("kpu", Memory.KPU, KPU_BYTES),
            data=data,
            modules=model.modules,
        )
        checked_total(pools.all, 0)
        return pools

    @property
    def all(self) -> tuple[Pool, ...]:
        """Every pool that can hold something."""
        pools = (self.input, self.output, *self.data, self.kpu, self.file)
        return tuple(pool for pool in pools if pool.size)

    def parameters(self, pool: Pool, parameters: tuple[Parameter, ...]) -> list[Buffer]:
        """Return the inputs or outputs of the model as buffers."""
        return [
            inside(dense(pool, p.place.start, p.place.dtype, p.shape), "a parameter", p.place.at)
            for p in parameters
        ]

    def address(self, module: int, location: int, offset: int, at: int) -> Address:
        """Return the place that code in a module means.

        Raises:
            KModelError: The location has no place of its own.
        """
        places = {
            INPUT: Address(self.input, offset),
            OUTPUT: Address(self.output, offset),
            CONSTANT: Address(self.file, self.modules[module].constants.start + offset),
            DATA: Address(self.data[module], offset),
            KPU: Address(self.kpu, offset),
        }
        if location not in places:
            raise KModelError(at, "memory location", location, f"one of {sorted(places)}")
        return places[location]

    def constant(self, module: int, place: Range) -> int:
        """Return where a range in a module's constants begins in the file.

        Raises:
            KModelError: It does not lie in the constants.
        """
        section = self.modules[module].constants
        if place.location != CONSTANT or place.start + place.size > section.stop - section.start:
            raise KModelError(
                place.at,
                "table's place",
                f"{place.start} to {place.start + place.size} in location {place.location}",
                f"the {section.stop - section.start} bytes of .rdata",
            )
        return section.start + place.start


def _name(model: Model, index: int) -> str:
    return "main" if index == model.entry_module else f"main of module {index}"


def _ends(name: str, memory: Memory, parameters: tuple[Parameter, ...]) -> Pool:
    ends = [p.place.start + max(p.place.size, 1) for p in parameters]
    at = parameters[0].place.at if parameters else 0
    return checked_pool(name, memory, max(ends, default=0), at)
