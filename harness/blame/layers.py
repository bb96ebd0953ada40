"""Single layers on nncase's simulator and on boards, through models cut behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.backends.base import Subject
from harness.backends.board import BoardBackend
from harness.blame.board_check import changing, simulate, unequal
from harness.blame.result import Column
from harness.compare.layers import Run, first_layer
from harness.compiler.worker.client import get_worker
from harness.kmodel import Program, load, save
from harness.method import InputContract
from harness.progress import SILENT, Progress
from harness.simulator import Simulator

Images = npt.NDArray[np.uint8]
Outputs = dict[str, npt.NDArray[np.float32]]
Answers = dict[tuple[str, Column], npt.NDArray[np.generic]]

# A board gives the same answer to the same bytes; two runs tell whether this one does.
RUNS = 2


@dataclass(frozen=True)
class Layers:
    """Layers of one model that somebody else is asked for.

    Attributes:
        kmodel: The model, version 5.
        contract: Which bytes it eats.
        images: uint8 [N, C, H, W].
        names: Operations of the model.
    """

    kmodel: bytes
    contract: InputContract
    images: Images
    names: Sequence[str]


@dataclass(frozen=True)
class BoardAnswers:
    """What a board gave.

    Attributes:
        images: What it was given: colours as its pictures carry them.
        runs: The outputs of each run, by the ports of the model.
        answers: Results of the layers asked for, as the kmodel stores them.
        first_layer: The first layer in which board and simulator differ; "" for none.
        board: Which board it was, in words.
    """

    images: Images
    runs: tuple[Outputs, ...]
    answers: Answers
    first_layer: str
    board: str


def on_nncase(layers: Layers, progress: Progress = SILENT) -> Answers:
    """Return what nncase's simulator gives for each layer.

    Raises:
        ConversionError: A model cannot be cut there.
        SimulationError: nncase's simulator fails.
    """
    program = load(layers.kmodel)
    found: Answers = {}
    with progress.task("nncase", len(layers.names)) as task:
        for name in layers.names:
            cut = save(program.until(name))
            found[name, "nncase"] = get_worker().simulate(cut, layers.images).outputs[0]
            task.advance()
    return found


def on_board(layers: Layers, choice: str, progress: Progress = SILENT) -> BoardAnswers:
    """Run a model on a board twice, then the layers asked for, and find where it differs.

    Args:
        layers: The model and its layers.
        choice: `auto`, `virtual` or a port.
        progress: Who is told.

    Raises:
        BoardError: There is no board, or it does not run the model.
        ConversionError: A cut model has no equal in a version that the board loads.
    """
    program = load(layers.kmodel)
    steps = 1 + RUNS + len(layers.names) + 1
    with progress.task("board", steps) as task:
        task.advance(0, "waiting for the board")
        with BoardBackend(choice) as backend:
            images = backend.deliverable(layers.contract, layers.images)
            runs = []
            for number in range(1, RUNS + 1):
                task.advance(1, f"all pictures, time {number} of {RUNS}")
                runs.append(_outputs(backend, layers, layers.kmodel, images, progress))
            answers: Answers = {}
            for name in layers.names:
                task.advance(1, f"the model cut behind {name}")
                answers[name, "board"] = _cut(backend, layers, name, images, progress)
            task.advance(1, "looking for the first layer that differs")
            first = first_difference(program, images, runs, _asker(backend, layers, progress))
            board = f"{backend.board.info.kind} board, {backend.board.info.firmware}"
        task.advance(1, first or "board and simulator are equal")
    return BoardAnswers(images, tuple(runs), answers, first, board)


def _outputs(
    backend: BoardBackend, layers: Layers, kmodel: bytes, images: Images, progress: Progress
) -> Outputs:
    names = tuple(port.name for port in load(kmodel).outputs)
    subject = Subject(layers.contract, names, kmodel=kmodel)
    return dict(backend.run(subject, images, progress).outputs)


def _cut(
    backend: BoardBackend, layers: Layers, name: str, images: Images, progress: Progress
) -> npt.NDArray[np.float32]:
    """Return a layer's result; codes come as floats of the same values."""
    cut = save(load(layers.kmodel).until(name, as_float=True))
    (first, *_) = _outputs(backend, layers, cut, images, progress).values()
    return first


def _asker(backend: BoardBackend, layers: Layers, progress: Progress) -> Run:
    """Return what runs a cut model on the board, on one picture."""

    def run(kmodel: bytes, x: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        last = load(kmodel).operations[-1].name
        cut = save(load(kmodel).until(last, as_float=True))
        return list(_outputs(backend, layers, cut, x, progress).values())

    return run


def first_difference(program: Program, images: Images, runs: Sequence[Outputs], run: Run) -> str:
    """Return the first layer that differs, on the first picture that does; "" for none.

    Args:
        program: The whole model.
        images: uint8 [N, C, H, W].
        runs: What the board gave for them, each time.
        run: Runs a cut model on the board.
    """
    different = unequal(runs[0], simulate(program, images))
    if not different.any() or changing(runs).any():
        return ""
    found = first_layer(Simulator(program), images[int(different.argmax())], run)
    return found.layer if found is not None else ""
