"""Compile where need be, run each backend on the very same bytes, and compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

import harness.backends as backends
from harness.backends.base import Backend, BackendResult, Subject
from harness.backends.board import BoardBackend
from harness.compare import Comparison, compare
from harness.compiler.build import CompiledModel, compile_deployable
from harness.errors import UsageError
from harness.method import Deployable
from harness.progress import SILENT, Progress

# Simulators of the same chip, and the chip, whose outputs have to be equal to the bit.
SIMULATORS = ("nncase", "kpu")
EXACT_PAIRS = (SIMULATORS, ("kpu", "board"))
ADAPTED = (
    "colours were rounded to the RGB565 levels of MaixPy's pictures; all backends ran on the same "
    "rounded bytes"
)


@dataclass(frozen=True)
class Measured:
    """A deployable run on some backends, before anything is written.

    Attributes:
        deployable: What was run, with the inputs as the backends got them.
        compiled: The compiled model; None when no backend needed one.
        results: By backend name, in the order asked for.
        comparisons: The first backend against each other one, and the pairs of `EXACT_PAIRS`.
    """

    deployable: Deployable
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
    rewrites: Mapping[str, str] = MappingProxyType({}),
    board: str = "auto",
    checkpoint: Path | None = None,
    progress: Progress = SILENT,
    compiled: CompiledModel | None = None,
) -> Measured:
    """Compile if need be, and run each backend on the very same bytes.

    Args:
        deployable: What to run.
        names: Backends; the first is what the others are compared with.
        calibrate_method: How nncase takes ranges from the calibration images.
        rewrites: Rewrites of the legaliser that were asked for: name → mode.
        board: Which board the backend `board` is: `auto`, `virtual`, or a port.
        checkpoint: File that keeps a board's results until it is done with all inputs.
        progress: Who is told.
        compiled: What to run, where it is compiled already.
    """
    chosen = [_backend(name, board, checkpoint) for name in names]
    with ExitStack() as held:
        # Boards first: one that is missing is no reason to wait for a compilation.
        for backend in chosen:
            held.enter_context(backend)
        deployable = _delivered(deployable, chosen)
        if compiled is None and any(backend.needs_kmodel for backend in chosen):
            compiled = compile_deployable(
                deployable, method=calibrate_method, rewrites=rewrites, progress=progress
            )
        subject = Subject(
            contract=deployable.contract,
            outputs=deployable.outputs,
            module=deployable.module,
            kmodel=compiled.kmodel if compiled else None,
        )
        inputs = deployable.evaluation.inputs
        results = {backend.name: backend.run(subject, inputs, progress) for backend in chosen}
    comparisons = _compare_all(deployable, results)
    if compiled is not None:
        comparisons = tuple(_located(one, compiled.kmodel, deployable) for one in comparisons)
    return Measured(deployable, compiled, results, comparisons)


def _located(comparison: Comparison, kmodel: bytes, deployable: Deployable) -> Comparison:
    """Return a comparison in which differences of the two simulators name their layer."""
    pair = {comparison.reference, comparison.candidate}
    equal = all(entry.first_difference is None for entry in comparison.outputs.values())
    if pair != set(SIMULATORS) or equal:
        return comparison
    # Imported here: both need PyTorch.
    from harness.compare.layers import locate
    from harness.kmodel import load
    from harness.simulator import Simulator

    items = dict(zip(deployable.evaluation.ids, deployable.evaluation.inputs, strict=True))
    return locate(comparison, Simulator(load(kmodel)), items)


def _backend(name: str, board: str, checkpoint: Path | None) -> Backend:
    return BoardBackend(board, checkpoint) if name == BoardBackend.name else backends.get(name)


def _delivered(deployable: Deployable, chosen: Sequence[Backend]) -> Deployable:
    """Return the deployable with the inputs that all backends can be given."""
    inputs = deployable.evaluation.inputs
    for backend in chosen:
        inputs = backend.deliverable(deployable.contract, inputs)
    if np.array_equal(inputs, deployable.evaluation.inputs):
        return deployable
    return replace(
        deployable,
        evaluation=replace(deployable.evaluation, inputs=inputs),
        warnings=(*deployable.warnings, ADAPTED),
    )


def _compare_all(
    deployable: Deployable, results: Mapping[str, BackendResult]
) -> tuple[Comparison, ...]:
    first, *others = results
    pairs = [(first, other) for other in others]
    pairs += [pair for pair in EXACT_PAIRS if pair[0] != first and set(pair) <= set(results)]
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
