"""What a kmodel needs of a board, against what there is."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import ConversionError
from harness.kmodel.firmware import Firmware
from harness.kmodel.memory import KPU_BYTES, MAIN_BYTES, Memory
from harness.kmodel.program import Program


@dataclass(frozen=True)
class Budget:
    """What a program needs, in bytes.

    Attributes:
        kpu: KPU memory up to the last row that is used.
        main: Main memory for tensors.
        file: The file, which the firmware keeps in main memory too.
        source_main: Main memory that the source needed, with its inputs and outputs.
    """

    kpu: int
    main: int
    file: int
    source_main: int

    @property
    def heap(self) -> int:
        """Main memory for tensors and the file together."""
        return self.main + self.file

    def check(self, firmware: Firmware | None = None) -> None:
        """Make sure that a board has what is needed.

        Raises:
            ConversionError: Something is over; each is named with figures.
        """
        over = [
            f"{what} {_kib(need)} of {_kib(limit)}"
            for what, need, limit in self._limits(firmware)
            if need > limit
        ]
        if over:
            raise ConversionError(
                f"the model does not fit{f' {firmware.name}' if firmware else ' a K210'}: "
                + "; ".join(over),
                "compile it with a smaller input or fewer channels"
                + (", or choose a firmware with more free memory" if firmware else ""),
            )

    def _limits(self, firmware: Firmware | None) -> list[tuple[str, int, int]]:
        limits = [("KPU memory", self.kpu, KPU_BYTES), ("main memory", self.main, MAIN_BYTES)]
        if firmware is None:
            return [*limits, ("tensors and file together", self.heap, MAIN_BYTES)]
        if firmware.most_file is not None:
            limits.append(("file", self.file, firmware.most_file))
        return [*limits, ("heap, for tensors and file together,", self.heap, firmware.heap)]


def budget_of(source: Program, program: Program, file: int) -> Budget:
    """Return what a program needs whose file has a size."""
    buffers = [b for o in program.operations for b in (*o.inputs, *o.outputs)]
    held = (Memory.MAIN, Memory.INPUT, Memory.OUTPUT)
    return Budget(
        kpu=max((b.end for b in buffers if b.memory is Memory.KPU), default=0),
        main=program.pool_bytes(Memory.MAIN),
        file=file,
        source_main=sum(source.pool_bytes(memory) for memory in held),
    )


def _kib(size: int) -> str:
    return f"{size / 1024:.0f} KiB"
