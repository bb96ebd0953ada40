"""The pictures of a run, read again, and what its backends gave for them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness import method as methods
from harness.board.pixels import on_grid
from harness.compiler.contract import CONTRACT_FILE, ModelContract, sha256, weights_sha256
from harness.data.images import read_inputs
from harness.errors import ContractError, DataError, RunFolderError, UsageError
from harness.method import Deployable, InputContract
from harness.pipeline.folder import file_name
from harness.pipeline.method_run import CHECKPOINT_FILE
from harness.progress import Progress
from harness.report.schema import Report

Images = npt.NDArray[np.uint8]
Outputs = dict[str, npt.NDArray[np.float32]]

ITEMS_FILE = "items.jsonl"


@dataclass(frozen=True)
class Items:
    """Inputs of a run, and which of its items they are.

    Attributes:
        ids: One name an item.
        images: uint8 [N, C, H, W], as the run gave them to its backends.
        places: Where each stands in the run's outputs; empty if they are none of the run's.
        turned: Whether they are the run's with their channels the other way round than the
            contract says.
        calibration: uint8 [N, C, H, W], where the run's method gave them.
    """

    ids: tuple[str, ...]
    images: Images
    places: tuple[int, ...] = ()
    turned: bool = False
    calibration: Images | None = None

    def spread(self, wanted: int) -> Items:
        """Return so many of them, spread over all.

        Raises:
            UsageError: There are none.
        """
        count = min(wanted, len(self.ids))
        if count < 1:
            raise UsageError("there are no pictures to look at", "name a folder with --data")
        return self.at([index * len(self.ids) // count for index in range(count)])

    def at(self, chosen: Sequence[int]) -> Items:
        """Return those at some places."""
        return replace(
            self,
            ids=tuple(self.ids[index] for index in chosen),
            images=self.images[list(chosen)],
            places=tuple(self.places[index] for index in chosen) if self.places else (),
        )


@dataclass(frozen=True)
class Wanted:
    """Where pictures are looked for.

    Attributes:
        run: The run folder.
        contract: The whole of `contract.json`.
        given: What the pictures are made into.
        report: Of the run; None for a compilation.
        data: Where somebody says they are; None for where the run found them.
        progress: Who is told.
    """

    run: Path
    contract: ModelContract
    given: InputContract
    report: Report | None
    data: Path | None
    progress: Progress


def read_items(wanted: Wanted) -> Items:
    """Read the run's pictures again, and make sure that they still are the run's.

    Raises:
        HarnessError: They are gone, are others, or do not fit; or checkpoint and kmodel do not
            belong together.
    """
    recorded = _recorded_items(wanted.run)
    found = _read(wanted)
    if found.images.shape[1:] != wanted.given.shape:
        raise DataError(
            f"the pictures are {list(found.images.shape[1:])}, the contract says "
            f"{list(wanted.given.shape)}",
            "give the pictures of this run with --data",
        )
    if not recorded:
        return found
    for prepared in _prepared(found):
        places = _places(prepared, recorded)
        kept = [place for place, where in enumerate(places) if where is not None]
        if kept:
            whole = replace(prepared, places=tuple(where or 0 for where in places))
            return whole.at(kept)
    if wanted.data is None:
        count = len(found.ids)
        raise DataError(
            "the picture is not one of this run any more"
            if count == 1
            else f"none of the {count} pictures is one of this run any more",
            f"they are read as {CONTRACT_FILE} says, which may have been edited since; "
            "or name them with --data",
        )
    return found


def _prepared(items: Items) -> Iterator[Items]:
    """Yield pictures as runs give them to backends, then with their channels turned round."""
    colours = items.images.shape[1] == 3
    for turned in (False, True) if colours else (False,):
        images = items.images[:, ::-1] if turned else items.images
        yield replace(items, images=np.ascontiguousarray(images), turned=turned)
        if colours:
            yield replace(items, images=on_grid(images), turned=turned)


def _read(wanted: Wanted) -> Items:
    deployable = method_deployable(wanted.run, wanted.report, wanted.data)
    if deployable is not None:
        _check_weights(deployable, wanted.contract)
        evaluation = deployable.evaluation
        return Items(evaluation.ids, evaluation.inputs, calibration=deployable.calibration)
    report = wanted.report
    source = wanted.data or (Path(report.data.source) if report else None)
    if source is None:
        raise UsageError(
            f"{wanted.run} does not say which pictures to look at", "name them with --data"
        )
    return Items(*read_inputs(source, wanted.given, wanted.progress))


def method_deployable(run: Path, report: Report | None, data: Path | None) -> Deployable | None:
    """Return what a method deploys from the checkpoint of its run; None for other runs."""
    checkpoint = run / CHECKPOINT_FILE
    if report is None or report.method not in methods.available() or not checkpoint.exists():
        return None
    if data is None and Path(report.data.source).exists():
        data = Path(report.data.source)
    return methods.get(report.method).deployable(checkpoint, data)


def _check_weights(deployable: Deployable, contract: ModelContract) -> None:
    """Make sure that weights and kmodel belong together."""
    found = weights_sha256(deployable.module)
    if found != contract.weights_sha256:
        raise ContractError(
            f"{CHECKPOINT_FILE} and the kmodel do not belong together (weights sha256 "
            f"{found[:12]}…, {CONTRACT_FILE} says {contract.weights_sha256[:12]}…)",
            "take checkpoint and kmodel of one run",
        )


def _recorded_items(run: Path) -> dict[str, tuple[int, str]]:
    """Return place and sha256 of each item of a run by id; empty where it kept none."""
    try:
        lines = (run / ITEMS_FILE).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    try:
        items = [json.loads(line) for line in lines]
        return {item["id"]: (place, item["sha256"]) for place, item in enumerate(items)}
    except (ValueError, KeyError, TypeError) as error:
        raise RunFolderError(f"{run / ITEMS_FILE} is damaged", "run it again") from error


def _places(items: Items, recorded: Mapping[str, tuple[int, str]]) -> list[int | None]:
    """Return where each picture stands among the run's items; None for one that does not."""
    found: list[int | None] = []
    for identifier, image in zip(items.ids, items.images, strict=True):
        place, digest = recorded.get(identifier, (None, ""))
        same = digest == hashlib.sha256(image.tobytes()).hexdigest()
        found.append(place if same else None)
    return found


def recorded_outputs(
    run: Path, backend: str, contract: ModelContract, items: Items
) -> Outputs | None:
    """Return what a backend of the run gave for the items; None where that was not kept.

    Raises:
        RunFolderError: The files are damaged.
    """
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


def check_calibration(images: Images, contract: ModelContract) -> None:
    """Make sure that images are those that a model was calibrated with.

    Raises:
        ContractError: They are not.
        UsageError: Nobody knows which ones they were.
    """
    known = contract.calibration
    if known is None:
        raise UsageError(
            f"{CONTRACT_FILE} does not say how the model was calibrated",
            "compile it with this harness",
        )
    if sha256(images.tobytes()) != known.sha256:
        raise ContractError(
            f"the {len(images)} calibration images are not the {known.images} that the model was "
            "calibrated with",
            "name those with --calibration",
        )
