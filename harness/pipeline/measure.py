"""Compile where need be, run each backend on the very same bytes, and compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import harness.backends as backends
from harness.backends.base import BackendResult, Subject
from harness.compare import Comparison, compare
from harness.compiler.build import CompiledModel, compile_deployable
from harness.errors import UsageError
from harness.method import Deployable
from harness.progress import SILENT, Progress

# Two simulators of the same chip, whose outputs have to be equal to the bit.
EXACT_PAIR = ("nncase", "kpu")


@dataclass(frozen=True)
class Measured:
    """A deployable run on some backends, before anything is written.

    Attributes:
        compiled: The compiled model; None when no backend needed one.
        results: By backend name, in the order asked for.
        comparisons: The first backend against each other one, and the two simulators.
    """

    compiled: CompiledModel | None
    results: Mapping[str, BackendResult]
    comparisons: tuple[Comparison, ...]


def check_backends(names: tuple[str, ...]) -> None:
    """Make sure that all backends exist and that none is named twice.

    Raises:
        UsageError: One does not, or is.
    """
    if not names:
        raise UsageError("no backend is named", f"choose from: {', '.join(backends.names())}")
    if len(set(names)) != len(names):
        raise UsageError(f"a backend is named twice: {', '.join(names)}")
    for name in names:
        backends.get(name)


def measure(
    deployable: Deployable,
    names: tuple[str, ...],
    *,
    calibrate_method: str = "no_clip",
    progress: Progress = SILENT,
) -> Measured:
    """Compile if need be, and run each backend on the very same bytes."""
    chosen = [backends.get(name) for name in names]
    compiled = None
    if any(backend.needs_kmodel for backend in chosen):
        compiled = compile_deployable(deployable, method=calibrate_method, progress=progress)
    subject = Subject(
        contract=deployable.contract,
        outputs=deployable.outputs,
        module=deployable.module,
        kmodel=compiled.kmodel if compiled else None,
    )
    inputs = deployable.evaluation.inputs
    results = {backend.name: backend.run(subject, inputs, progress) for backend in chosen}
    return Measured(compiled, results, _compare_all(deployable, results))


def _compare_all(
    deployable: Deployable, results: Mapping[str, BackendResult]
) -> tuple[Comparison, ...]:
    first, *others = results
    pairs = [(first, other) for other in others]
    if first not in EXACT_PAIR and set(EXACT_PAIR) <= set(results):
        pairs.append(EXACT_PAIR)
    return tuple(
        compare(
            results[reference].outputs,
            results[candidate].outputs,
            names=(reference, candidate),
            tolerance=deployable.tolerance,
            ids=deployable.evaluation.ids,
        )
        for reference, candidate in pairs
    )
