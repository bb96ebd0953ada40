"""Blame from end to end: a model in its two forms and some pictures in, rows and a verdict out."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt
import torch

from harness.blame.checks import findings
from harness.blame.columns import Columns
from harness.blame.flow import Flow
from harness.blame.graph import Graph, Values
from harness.blame.legal import legal_form
from harness.blame.match import match
from harness.blame.names import compiler_names
from harness.blame.not_finite import first_not_finite
from harness.blame.result import Blame, Column
from harness.blame.rows import costliest
from harness.blame.suspect import Answers, Outputs, Suspect
from harness.blame.units import Codes
from harness.blame.verdict import judge
from harness.blame.work import Work
from harness.errors import UsageError
from harness.kmodel import Program, load
from harness.progress import SILENT, Progress
from harness.simulator import Simulator

# Pictures that the counterparts are found with; more say nothing new.
MATCHING = 2
# What all tensors of a batch may take, in bytes, and pictures in a batch at most.
_MEMORY = 400 << 20
_MOST_IN_BATCH = 8


def analyse(suspect: Suspect, answers: Answers | None = None, progress: Progress = SILENT) -> Blame:
    """Lay every layer side by side and name the first stage that diverges.

    Args:
        suspect: The model and the pictures.
        answers: What nncase or a board gave for single layers on the same pictures.
        progress: Who is told.

    Raises:
        UsageError: There are no pictures, or they are not what the contract says.
        HarnessError: One of the two forms of the model cannot be read.
    """
    suspect.check()
    images = suspect.images
    started = time.perf_counter()
    program, span = load(suspect.kmodel), suspect.contract.range
    legal = legal_form(suspect.onnx, span, suspect.rewrites, suspect.calibration)
    graph = legal.graph
    _check_pair(program, graph)
    work = Work(Flow(Simulator(program)), legal, Codes.of_bytes(span))
    floats = graph.run(work.given.decode_images(images[:MATCHING]))
    graph.learn_shapes(floats)
    with work.timed("match"):
        names = compiler_names(program.operations, suspect.placed)
        work.links = match(work.flow, graph, floats, work.given, names)
    columns = Columns(work.flow, graph, work.links, work.given)
    simulated = _run(columns, suspect, work, answers or {}, progress)
    with work.timed("checks"):
        found = findings(suspect, columns, simulated, work)
    work.seconds["total"] = time.perf_counter() - started
    return Blame(
        run=suspect.run,
        images=len(images),
        rows=tuple(found.rows),
        outputs=found.outputs,
        verdict=judge(found),
        costliest=costliest(found.rows),
        seconds=work.seconds,
    )


def _check_pair(program: Program, graph: Graph) -> None:
    if len(program.inputs) != 1 or len(program.outputs) != len(graph.outputs):
        raise UsageError(
            f"the kmodel has {len(program.inputs)} inputs and {len(program.outputs)} outputs, the "
            f"ONNX model 1 and {len(graph.outputs)}",
            "they are not the same model: compile again",
        )


def _run(
    columns: Columns, suspect: Suspect, work: Work, answers: Answers, progress: Progress
) -> dict[str, npt.NDArray[np.float32]]:
    """Run all pictures through all columns, and return the simulator's outputs."""
    size, images, recorded = _batch_size(work.graph), suspect.images, _recorded(suspect)
    parts: dict[str, list[torch.Tensor]] = {}
    with progress.task("blame", len(images)) as task:
        for start in range(0, len(images), size):
            batch = images[start : start + size]
            with work.timed("float"):
                floats = work.graph.run(work.given.decode_images(batch))
                outputs = _exported(work, floats)
            with work.timed("columns"):
                codes = torch.from_numpy(np.ascontiguousarray(batch))
                asked = {
                    key: torch.from_numpy(all_[start : start + size])
                    for key, all_ in answers.items()
                }
                for name, value in columns.add(floats, codes, outputs, asked).items():
                    parts.setdefault(name, []).append(value)
                for column, found in recorded.items():
                    part = [one[start : start + size] for one in found.values()]
                    columns.add_outputs(outputs, column, part)
            task.advance(len(batch))
    return {name: torch.cat(values).numpy() for name, values in parts.items()}


def _exported(work: Work, floats: Values) -> Values:
    """Return the exported model's outputs; keep how near the rewritten one is, and what is NaN."""
    original, found = work.legal.original, floats
    if work.legal.applied:
        found = original.run(floats[work.graph.input])
        for name in work.graph.outputs:
            work.agreement.add(found[name].flatten(), floats[name].flatten())
    work.not_finite = work.not_finite or first_not_finite(original, found)
    return {name: found[name] for name in work.graph.outputs}


def _recorded(suspect: Suspect) -> dict[Column, Outputs]:
    """Return the outputs that others gave for the pictures."""
    boards = list(suspect.board[:1])
    known: dict[Column, Outputs | None] = {
        "nncase": suspect.nncase,
        "board": boards[0] if boards else None,
    }
    return {column: outputs for column, outputs in known.items() if outputs is not None}


def _batch_size(graph: Graph) -> int:
    """Return how many pictures fit: the float model, and twice as much for the columns."""
    one = sum(4 * int(np.prod(shape)) for shape in graph.shapes.values())
    return max(1, min(_MOST_IN_BATCH, _MEMORY // (3 * one)))
