"""`k210 blame`: a run folder in, its layers side by side and a verdict out, beside the report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness import method as methods
from harness.blame.analyse import Answers, Suspect, analyse
from harness.blame.hints import Seen, hints
from harness.blame.layers import Layers, on_board, on_nncase
from harness.blame.result import Blame
from harness.board.pixels import on_grid
from harness.compiler.build import ONNX_FILE
from harness.compiler.contract import (
    CONTRACT_FILE,
    ModelContract,
    read_model,
    sha256,
    weights_sha256,
)
from harness.data.images import read_inputs
from harness.errors import ContractError, DataError, RunFolderError, UsageError
from harness.files import write_json
from harness.kmodel import Program, load
from harness.method import InputContract
from harness.pipeline.folder import MARKER, RunFolder, file_name
from harness.pipeline.method_run import CHECKPOINT_FILE
from harness.progress import SILENT, Progress
from harness.report.html import write_html
from harness.report.schema import (
    BLAME_FILE,
    REPORT_FILE,
    BlameRecord,
    HintRecord,
    LayerErrorRecord,
    LayerRecord,
    Report,
    read_report,
)

Images = npt.NDArray[np.uint8]
Outputs = dict[str, npt.NDArray[np.float32]]

IMAGES = 32
# A board runs picture by picture, twice, and truncated models once more each.
BOARD_IMAGES = 4


@dataclass(frozen=True)
class BlameRequest:
    """What to look at, and how closely.

    Attributes:
        run: The run folder, or the folder of a compilation.
        images: Pictures, spread over those of the run.
        layers: Operations that nncase, and a board if there is one, are asked for by themselves.
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


@dataclass(frozen=True)
class _Items:
    """Inputs of a run, and which of its items they are.

    Attributes:
        ids: One name an item.
        images: uint8 [N, C, H, W].
        places: Where each stands in the run's outputs; empty if they are none of the run's.
    """

    ids: tuple[str, ...]
    images: Images
    places: tuple[int, ...]


def blame_run(request: BlameRequest) -> Blame:
    """Look at every layer of a run, and write `blame.json` and the report's part about it.

    Raises:
        HarnessError: The folder is no run, its files do not belong together, its pictures are
            gone, or a layer does not exist. Nothing is written then.
    """
    contract, kmodel = read_model(request.run)
    report = read_report(request.run) if (request.run / REPORT_FILE).exists() else None
    onnx, given = _onnx(request.run), _input_contract(contract)
    _check_layers(load(kmodel), request.layers)
    items = _picked(_items(request, contract, given, report), request)
    suspect = Suspect(
        run=report.method if report else contract.name,
        contract=given,
        onnx=onnx,
        kmodel=kmodel,
        images=items.images,
        rewrites=contract.legalise,
        calibration=_calibration(request, contract, given, report),
        placed=report.operations if report else (),
        floats=_recorded(request.run, "float", contract, items),
        nncase=_recorded(request.run, "nncase", contract, items),
    )
    recorded = _recorded(request.run, "board", contract, items)
    suspect = replace(suspect, board=(recorded,) if recorded else ())
    suspect, answers = _asked(suspect, request)
    blame = analyse(suspect, answers, request.progress)
    told = hints(Seen(blame.rows, blame.verdict, contract, suspect.images))
    blame = replace(blame, hints=told)
    write_blame(blame, request.run, report)
    return blame


def _asked(suspect: Suspect, request: BlameRequest) -> tuple[Suspect, Answers]:
    """Ask nncase, and a board, for what they give for single layers."""
    layers = Layers(suspect.kmodel, suspect.contract, suspect.images, request.layers)
    answers: Answers = {}
    if request.board:
        found = on_board(layers, request.board, request.progress)
        if not np.array_equal(found.images, suspect.images):
            # What the run wrote down belongs to the pictures before the board's colours.
            suspect = replace(suspect, floats=None, nncase=None, images=found.images)
        suspect = replace(suspect, board=found.runs, board_layer=found.first_layer)
        answers = found.answers
        layers = replace(layers, images=found.images)
    if request.layers:
        answers = {**answers, **on_nncase(layers, request.progress)}
    return suspect, answers


def _onnx(run: Path) -> bytes:
    try:
        return (run / ONNX_FILE).read_bytes()
    except OSError as error:
        raise RunFolderError(
            f"{run / ONNX_FILE} cannot be read: {error.strerror}",
            "blame needs the float model; models from TFLite have none beside them",
        ) from error


def _input_contract(contract: ModelContract) -> InputContract:
    if contract.input is None:
        raise ContractError(
            f"{CONTRACT_FILE} does not say what the model eats", "compile it with this harness"
        )
    return contract.input.to_contract()


def _check_layers(program: Program, layers: Sequence[str]) -> None:
    names = [operation.name for operation in program.operations]
    for layer in layers:
        if layer not in names:
            near = get_close_matches(layer, names, n=3, cutoff=0.0)
            raise UsageError(
                f"the kmodel has no layer {layer!r}", f"the nearest are: {', '.join(near)}"
            )


def _items(
    request: BlameRequest, contract: ModelContract, given: InputContract, report: Report | None
) -> _Items:
    """Read the run's pictures again, and make sure that they still are the run's."""
    recorded = _recorded_items(request.run)
    ids, images = _read(request, contract, given, report)
    if images.shape[1:] != given.shape:
        raise DataError(
            f"the pictures are {list(images.shape[1:])}, the contract says {list(given.shape)}",
            "give the pictures of this run with --data",
        )
    if not recorded:
        return _Items(ids, images, ())
    for prepared in (images, on_grid(images) if given.shape[0] == 3 else images):
        places = _places(ids, prepared, recorded)
        if places:
            kept = [place for place, where in enumerate(places) if where is not None]
            found = tuple(where for where in places if where is not None)
            return _Items(tuple(ids[n] for n in kept), prepared[kept], found)
    if request.data is None:
        raise DataError(
            f"none of the {len(ids)} pictures is one of this run any more",
            "give the pictures with --data",
        )
    return _Items(ids, images, ())


def _read(
    request: BlameRequest, contract: ModelContract, given: InputContract, report: Report | None
) -> tuple[tuple[str, ...], Images]:
    checkpoint = request.run / CHECKPOINT_FILE
    if report is not None and report.method in methods.available() and checkpoint.exists():
        return _of_method(report, checkpoint, request, contract)
    source = request.data or (Path(report.data.source) if report else None)
    if source is None:
        raise UsageError(
            f"{request.run} does not say which pictures to look at", "name them with --data"
        )
    return read_inputs(source, given, request.progress)


def _of_method(
    report: Report, checkpoint: Path, request: BlameRequest, contract: ModelContract
) -> tuple[tuple[str, ...], Images]:
    """Load the method's evaluation set, and make sure that weights and kmodel belong together."""
    data = request.data
    if data is None and Path(report.data.source).exists():
        data = Path(report.data.source)
    deployable = methods.get(report.method).deployable(checkpoint, data)
    found = weights_sha256(deployable.module)
    if found != contract.weights_sha256:
        raise ContractError(
            f"{checkpoint.name} and the kmodel do not belong together (weights sha256 "
            f"{found[:12]}…, {CONTRACT_FILE} says {contract.weights_sha256[:12]}…)",
            "take checkpoint and kmodel of one run",
        )
    return deployable.evaluation.ids, deployable.evaluation.inputs


def _calibration(
    request: BlameRequest, contract: ModelContract, given: InputContract, report: Report | None
) -> Images | None:
    """Return the calibration images of a model that was rewritten by them; None for others."""
    if contract.legalise.get("norm") != "fold" or contract.calibration is None:
        return None
    checkpoint = request.run / CHECKPOINT_FILE
    if request.calibration is not None:
        _, images = read_inputs(request.calibration, given, request.progress)
    elif report is not None and report.method in methods.available() and checkpoint.exists():
        images = methods.get(report.method).deployable(checkpoint, request.data).calibration
    else:
        return None
    if sha256(images.tobytes()) != contract.calibration.sha256:
        raise ContractError(
            f"the {len(images)} calibration images are not the {contract.calibration.images} that "
            "the model was calibrated with",
            "name those with --calibration",
        )
    return images


def _recorded_items(run: Path) -> dict[str, tuple[int, str]]:
    """Return place and sha256 of each item of a run by id; empty where it kept none."""
    try:
        lines = (run / "items.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    try:
        items = [json.loads(line) for line in lines]
        return {item["id"]: (place, item["sha256"]) for place, item in enumerate(items)}
    except (ValueError, KeyError, TypeError) as error:
        raise RunFolderError(f"{run / 'items.jsonl'} is damaged", "run it again") from error


def _places(
    ids: Sequence[str], images: Images, recorded: Mapping[str, tuple[int, str]]
) -> list[int | None]:
    """Return where each picture stands among the run's items; [] if none of them is one."""
    found: list[int | None] = []
    for identifier, image in zip(ids, images, strict=True):
        place, digest = recorded.get(identifier, (None, ""))
        same = digest == hashlib.sha256(image.tobytes()).hexdigest()
        found.append(place if same else None)
    return found if any(one is not None for one in found) else []


def _picked(items: _Items, request: BlameRequest) -> _Items:
    """Return so many items, spread over all."""
    wanted = min(request.images, BOARD_IMAGES) if request.board else request.images
    count = min(wanted, len(items.ids))
    if count < 1:
        raise UsageError("there are no pictures to look at", "give at least one with --images")
    chosen = [index * len(items.ids) // count for index in range(count)]
    return _Items(
        tuple(items.ids[index] for index in chosen),
        items.images[chosen],
        tuple(items.places[index] for index in chosen) if items.places else (),
    )


def _recorded(run: Path, backend: str, contract: ModelContract, items: _Items) -> Outputs | None:
    """Return what a backend of the run gave for the items; None where that was not kept."""
    folder = run / "outputs" / backend
    if not items.places or not folder.is_dir():
        return None
    found = {}
    for output in contract.outputs:
        try:
            array = np.load(folder / f"{file_name(output.name)}.npy", allow_pickle=False)
            found[output.name] = np.asarray(array[list(items.places)], np.float32)
        except (OSError, ValueError, IndexError) as error:
            raise RunFolderError(
                f"{folder} does not hold the output {output.name!r} of all items", "run it again"
            ) from error
    return found


def write_blame(blame: Blame, run: Path, report: Report | None) -> None:
    """Write `blame.json`, and the run's report anew with what was found."""
    with _writing(run):
        if report is not None:
            told = report.model_copy(
                update={"layers": layer_records(blame), "blame": blame_record(blame)}
            )
            write_html(told, run)
            told.write(run)
        write_json(run / BLAME_FILE, document(blame))


@contextmanager
def _writing(run: Path) -> Iterator[None]:
    with RunFolder.claim(run) if (run / MARKER).is_file() else nullcontext():
        yield


def document(blame: Blame) -> dict[str, Any]:
    """Return the content of `blame.json`."""
    record = blame_record(blame)
    layers = [json.loads(one.model_dump_json()) for one in layer_records(blame)]
    told = dict(json.loads(record.model_dump_json()))
    return {"schema": 1, "run": blame.run, **told, "layers": layers}


def blame_record(blame: Blame) -> BlameRecord:
    """Return the verdict as reports keep it."""
    return BlameRecord(
        images=blame.images,
        stage=blame.verdict.stage,
        layer=blame.verdict.layer,
        evidence=blame.verdict.evidence,
        costliest=blame.costliest,
        hints=tuple(HintRecord(**asdict(hint)) for hint in blame.hints),
        outputs={name: _errors(errors) for name, errors in blame.outputs.items()},
        seconds={part: round(spent, 3) for part, spent in blame.seconds.items()},
    )


def layer_records(blame: Blame) -> tuple[LayerRecord, ...]:
    """Return the rows as reports keep them."""
    return tuple(
        LayerRecord(
            layer=row.name,
            module=row.module,
            node=row.node,
            unit=row.unit,
            remark=row.remark,
            accumulated=_errors(row.accumulated),
            alone=_errors(row.alone),
        )
        for row in blame.rows
    )


def _errors(errors: Mapping[Any, Any]) -> dict[str, LayerErrorRecord]:
    return {column: LayerErrorRecord(**asdict(error)) for column, error in errors.items()}
