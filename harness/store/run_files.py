"""What a run left on disk, read and checked before the store is touched.

A whole run folder gives everything; a `report.json` by itself gives figures, but no items to pair.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harness.compare.metrics import cosine
from harness.errors import RunFolderError
from harness.report.schema import REPORT_FILE, Report, read_report

ITEMS_FILE = "items.jsonl"
# Larger ones say no more on a page, and would fill a store that many share.
MAX_PICTURE_BYTES = 2_000_000
# Files that a run leaves and that are worth telling apart by hash.
_ARTEFACTS = ("*.kmodel", "*.onnx", "*.safetensors", "contract.json")
LATENCY = "latency_ms"
COSINE = "cosine to {reference}: {output}"


@dataclass(frozen=True)
class Items:
    """The items of a run, in order, and what each backend made of them.

    Attributes:
        ids: Names.
        sha256s: Hashes of the bytes that went in.
        labels: True classes, None where there is none.
        predicted: Backend → class an item; no entry where the backend names none.
        scores: Backend → score → value an item; NaN where it is no number.
    """

    ids: tuple[str, ...]
    sha256s: tuple[str, ...]
    labels: tuple[str | None, ...]
    predicted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scores: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Hash of what was looked at: the bytes of all items with their labels, in order."""
        digest = hashlib.sha256()
        for sha256, label in zip(self.sha256s, self.labels, strict=True):
            digest.update(f"{sha256} {label}\n".encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class FoundPicture:
    """A picture of a run: name below the folder, caption, and the PNG or JPEG file's bytes."""

    name: str
    caption: str
    data: bytes


@dataclass(frozen=True)
class RunFiles:
    """One run as it lies on disk.

    Attributes:
        report: The content of `report.json`.
        items: None where `items.jsonl` is not there.
        artefacts: Name → hash and size in bytes.
        pictures: Those that the run's report shows, and the method's own.
    """

    report: Report
    items: Items | None = None
    artefacts: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    pictures: tuple[FoundPicture, ...] = ()


def find_runs(path: Path) -> list[Path]:
    """Return every `report.json` at or below a path; a file is taken as it is.

    Raises:
        RunFolderError: There is none.
    """
    if path.is_file():
        return [path]
    found = sorted(path.rglob(REPORT_FILE)) if path.is_dir() else []
    if not found:
        raise RunFolderError(f"there is no {REPORT_FILE} at or below {path}", "name a run folder")
    return found


def read_run(path: Path) -> RunFiles:
    """Read the run to which a report belongs.

    Args:
        path: A `report.json`, in its run folder or by itself.

    Raises:
        RunFolderError: It is damaged or of a newer schema, or files beside it contradict it.
    """
    report = read_report(path.parent, path.name)
    folder = path.parent
    if path.name != REPORT_FILE:
        return RunFiles(report)
    return RunFiles(
        report,
        _items(folder, report),
        {file.name: _hash(file) for file in _artefacts(folder)},
        tuple(_pictures(folder)),
    )


def _items(folder: Path, report: Report) -> Items | None:
    path = folder / ITEMS_FILE
    if not path.is_file():
        return None
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        items = _collect(lines, tuple(report.backends))
    except (ValueError, KeyError, TypeError) as error:
        raise RunFolderError(f"{path} is damaged: {error}", "run again") from error
    if len(items.ids) != report.data.items:
        raise RunFolderError(
            f"{path} has {len(items.ids)} items, and {REPORT_FILE} {report.data.items}",
            "the folder is of two runs: run again",
        )
    return _with_cosines(_with_accuracy(items, report), folder, report)


def _collect(lines: Sequence[dict[str, Any]], backends: tuple[str, ...]) -> Items:
    scores: dict[str, dict[str, tuple[float, ...]]] = {}
    for backend in backends:
        found = [_numbers(line, backend) for line in lines]
        names = sorted(set.intersection(*map(set, found))) if found else []
        scores[backend] = {name: tuple(float(one[name]) for one in found) for name in names}
    predicted = {
        backend: tuple(str(line[backend]) for line in lines)
        for backend in backends
        if lines and all(backend in line for line in lines)
    }
    labels = tuple(line["label"] for line in lines)
    ids, hashes = ([str(line[name]) for line in lines] for name in ("id", "sha256"))
    return Items(tuple(ids), tuple(hashes), labels, predicted, scores)


def _numbers(line: Mapping[str, Any], backend: str) -> dict[str, float]:
    """Return a backend's scores of one item, and how long it took."""
    found = dict(line.get("scores", {}).get(backend, {}))
    latency = line.get("latency_ms", {}).get(backend)
    return found if latency is None else found | {LATENCY: latency}


def _with_accuracy(items: Items, report: Report) -> Items:
    """Add whether each answer is right, where the run itself did not write it down."""
    scores = {backend: dict(found) for backend, found in items.scores.items()}
    for backend, answers in items.predicted.items():
        whole = report.backends[backend].metrics.get("accuracy")
        if whole is None or "accuracy" in scores[backend]:
            continue
        right = tuple(float(one == label) for one, label in zip(answers, items.labels, strict=True))
        # Of some methods the accuracy is that of another judge.
        if math.isclose(sum(right) / len(right), whole, abs_tol=1e-9):
            scores[backend]["accuracy"] = right
    return replace(items, scores=scores)


def _with_cosines(items: Items, folder: Path, report: Report) -> Items:
    """Add how near each output comes to the first backend's, item by item."""
    reference, *others = report.backends
    scores = {backend: dict(found) for backend, found in items.scores.items()}
    for file in sorted((folder / "outputs" / reference).glob("*.npy")):
        wanted = _array(file, len(items.ids))
        for backend in others:
            beside = folder / "outputs" / backend / file.name
            if not beside.is_file():
                continue
            found = _array(beside, len(items.ids))
            name = COSINE.format(reference=reference, output=file.stem)
            if found.shape == wanted.shape:
                pairs = zip(wanted, found, strict=True)
                scores[backend][name] = tuple(cosine(a, b) for a, b in pairs)
    return replace(items, scores=scores)


def _array(path: Path, items: int) -> np.ndarray[Any, Any]:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RunFolderError(f"{path} is damaged: {error}", "run again") from error
    if array.ndim < 1 or len(array) != items:
        raise RunFolderError(f"{path} has shape {array.shape} for {items} items", "run again")
    return np.asarray(array)


def _artefacts(folder: Path) -> list[Path]:
    return sorted({file for pattern in _ARTEFACTS for file in folder.glob(pattern)})


def _hash(file: Path) -> tuple[str, int]:
    data = file.read_bytes()
    return hashlib.sha256(data).hexdigest(), len(data)


def _pictures(folder: Path) -> Iterator[FoundPicture]:
    captions = _captions(folder / "pictures" / "index.json")
    files = [*sorted(folder.glob("*.png")), *sorted((folder / "pictures").glob("*.png"))]
    for file in files:
        if file.stat().st_size <= MAX_PICTURE_BYTES and _is_picture(file):
            name = file.relative_to(folder).as_posix()
            yield FoundPicture(name, captions.get(file.name, file.stem), file.read_bytes())


def _captions(index: Path) -> dict[str, str]:
    try:
        return {entry["file"]: entry["caption"] for entry in json.loads(index.read_bytes())}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # captions only: the pictures speak for themselves


def _is_picture(file: Path) -> bool:
    try:
        with Image.open(file) as picture:
            picture.verify()
    except (OSError, SyntaxError, ValueError):
        return False
    return True
