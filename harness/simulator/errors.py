"""What the simulator says about programs that it cannot run."""

from __future__ import annotations

from harness.errors import SimulationError
from harness.kmodel.operations import Operation


def unsupported(operation: Operation, what: str = "") -> SimulationError:
    """Return the error that names an operation, its layer, and who can run it.

    Args:
        operation: The operation at fault.
        what: The feature that is missing; empty for the whole operation.
    """
    detail = f" with {what}" if what else ""
    return SimulationError(
        f"operation {operation.kind()}{detail} at layer {operation.name} is not supported by the "
        "kpu simulator",
        "if the file is a kmodel v5, backend nncase can run it",
    )
