"""A first estimate of a whole program."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import UsageError
from harness.kmodel.operations.kpu import KpuConv2d
from harness.kmodel.program import Program
from harness.timing.kpu import DEFAULT_CLOCK_HZ, LayerTime, layer_time


@dataclass(frozen=True)
class Estimate:
    """Estimated times of a program.

    Attributes:
        clock_hz: Clock of the KPU.
        layers: KPU layers by name, in running order. Operations on the CPU are missing: nothing
            is published that would tell their time.
    """

    clock_hz: float
    layers: dict[str, LayerTime]

    @property
    def kpu_ms(self) -> float:
        """Time of all KPU layers."""
        return sum(layer.ms for layer in self.layers.values())

    @property
    def compute_ms(self) -> float:
        """Time of all KPU layers without overhead and weight load."""
        return sum(layer.compute_ms for layer in self.layers.values())


def estimate(program: Program, clock_hz: float = DEFAULT_CLOCK_HZ) -> Estimate:
    """Estimate how long each KPU layer takes.

    Args:
        program: What is run.
        clock_hz: Clock of the KPU; stock firmware sets 400 MHz.

    Raises:
        UsageError: The clock is not above zero.
    """
    if not clock_hz > 0:
        raise UsageError(f"a KPU clock of {clock_hz} Hz cannot run", "e.g. 400e6")
    layers = [operation for operation in program.operations if isinstance(operation, KpuConv2d)]
    return Estimate(clock_hz, {layer.name: layer_time(layer, clock_hz) for layer in layers})
