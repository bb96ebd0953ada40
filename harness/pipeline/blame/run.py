"""A run folder in, its layers side by side and a verdict out, beside the report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from harness.blame.analyse import analyse
from harness.blame.edits import contract_edits, turned_line
from harness.blame.hints import Seen, hints
from harness.blame.layers import Layers, on_board, on_nncase
from harness.blame.result import Blame
from harness.blame.suspect import Answers, Suspect
from harness.compiler.contract import (
    CONTRACT_FILE,
    KMODEL_FILE,
    InputRecord,
    ModelContract,
    read_model,
    read_onnx,
)
from harness.compiler.worker.client import get_worker
from harness.data.images import read_inputs
from harness.errors import ContractError, HarnessError, KModelError
from harness.kmodel import Program, load
from harness.method import InputContract
from harness.pipeline.blame.asked import asked_of
from harness.pipeline.blame.layers import asked_layers
from harness.pipeline.blame.pictures import (
    Images,
    Items,
    Wanted,
    check_calibration,
    read_items,
    recorded_outputs,
)
from harness.pipeline.blame.records import write_blame
from harness.progress import SILENT, Progress
from harness.report.schema import REPORT_FILE, Report, read_report

IMAGES = 32
# A board runs picture by picture, twice, and truncated models once more each.
BOARD_IMAGES = 4


@dataclass(frozen=True)
class BlameRequest:
    """What to look at, and how closely.

    Attributes:
        run: The run folder, or the folder of a compilation.
        images: Pictures, spread over those of the run.
        layers: Layers that nncase, and a board if there is one, are asked for by themselves.
        board: `auto`, `virtual` or a port; "" to leave boards alone.
        data: Where the pictures are; None for where the run found them.
        calibration: Where the calibration images are, for a model that has constants from them;
            None for those of the run's method.
        progress: Who is told.
    """

    run: Path
    images: int = IMAGES
    layers: tuple[str, ...] = ()
    board: str = ""
    data: Path | None = None
    calibration: Path | None = None
    progress: Progress = SILENT


def blame_run(request: BlameRequest) -> Blame:
    """Look at every layer of a run, and write `blame.json` and the report's part about it.

    Raises:
        HarnessError: The folder is no run, its files do not belong together, its pictures are
            gone, or a layer does not exist. Nothing is written then.
    """
    contract, kmodel = read_model(request.run)
    _check_untrained(contract)
    report = read_report(request.run) if (request.run / REPORT_FILE).exists() else None
    onnx, now = read_onnx(request.run, contract), _input_contract(contract)
    made = _made_with(report)
    edits = contract_edits(now, made, onnx, REPORT_FILE)
    placed = report.operations if report else ()
    program = _program(kmodel, request.run)
    request = replace(request, layers=asked_layers(program, request.layers, placed))
    # Numbers are those of the contract that the run was made with.
    given = made or now
    items = read_items(
        Wanted(request.run, contract, given, report, request.data, request.progress)
    ).spread(min(request.images, BOARD_IMAGES) if request.board else request.images)
    if items.turned and made is None:
        edits = (*edits, turned_line(now))
    suspect = Suspect(
        run=report.method if report else contract.name,
        contract=given,
        onnx=onnx,
        kmodel=kmodel,
        images=items.images,
        rewrites=contract.legalise,
        calibration=_calibration(request, contract, given, items),
        placed=placed,
        edits=edits,
        asked=asked_of(report),
    )
    suspect, answers = _asked(_with_recorded(suspect, request.run, contract, items), request)
    blame = analyse(suspect, answers, request.progress)
    told = hints(Seen(blame.rows, blame.verdict, contract, suspect.images))
    blame = replace(blame, hints=told)
    write_blame(blame, request.run, report)
    return blame


def _program(kmodel: bytes, run: Path) -> Program:
    try:
        return load(kmodel)
    except KModelError as error:
        raise ContractError(
            f"{run / KMODEL_FILE} is damaged: {error.cause}",
            "compile again, or copy all files of the run again",
        ) from error


def takes_calibration(run: Path) -> bool:
    """Return whether the model of a run has constants from its calibration images."""
    return _folds(read_model(run)[0])


def _folds(contract: ModelContract) -> bool:
    return contract.legalise.get("norm") == "fold" and contract.calibration is not None


def _check_untrained(contract: ModelContract) -> None:
    if "fine-tuned" in contract.compiler:
        raise ContractError(
            "the kmodel was fine-tuned: its layers are not those of model.onnx any more",
            "blame the run that it was fine-tuned from",
        )


def _input_contract(contract: ModelContract) -> InputContract:
    if contract.input is None:
        raise ContractError(
            f"{CONTRACT_FILE} does not say what the model eats", "compile it with this harness"
        )
    return contract.input.to_contract()


def _made_with(report: Report | None) -> InputContract | None:
    """Return the contract that a run kept in its report; None where it kept none that reads."""
    try:
        return (
            InputRecord.model_validate(report.contract["input"]).to_contract() if report else None
        )
    except (HarnessError, KeyError, TypeError, ValidationError):
        return None


def _with_recorded(suspect: Suspect, run: Path, contract: ModelContract, items: Items) -> Suspect:
    """Return the suspect with what the run kept of its backends' outputs."""
    floats, kpu, nncase, board = (
        recorded_outputs(run, name, contract, items) for name in ("float", "kpu", "nncase", "board")
    )
    return replace(
        suspect,
        floats=floats,
        kpu=kpu,
        nncase=nncase,
        ask_nncase=lambda place: (
            get_worker().simulate(suspect.kmodel, items.images[place : place + 1]).outputs
        ),
        board=(board,) if board else (),
    )


def _asked(suspect: Suspect, request: BlameRequest) -> tuple[Suspect, Answers]:
    """Ask nncase, and a board, for what they give for single layers."""
    layers = Layers(suspect.kmodel, suspect.contract, suspect.images, request.layers)
    answers: Answers = {}
    if request.board:
        found = on_board(layers, request.board, request.progress)
        if not np.array_equal(found.images, suspect.images):
            # What the run wrote down belongs to the pictures before the board's colours.
            suspect = replace(suspect, floats=None, kpu=None, nncase=None, images=found.images)
        suspect = replace(suspect, board=found.runs, board_layer=found.first_layer)
        answers = found.answers
        layers = replace(layers, images=found.images)
    if request.layers:
        answers = {**answers, **on_nncase(layers, request.progress)}
    return suspect, answers


def _calibration(
    request: BlameRequest, contract: ModelContract, given: InputContract, items: Items
) -> npt.NDArray[np.uint8] | None:
    """Return the calibration images of a model that was rewritten by them; None for others."""
    if not _folds(contract):
        return None
    images: Images | None = items.calibration
    if request.calibration is not None:
        _, images = read_inputs(request.calibration, given, request.progress)
    if images is not None:
        check_calibration(images, contract)
    return images
