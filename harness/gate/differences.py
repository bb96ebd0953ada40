"""What is not the same in two runs: their data, the items and layers that changed, and the rest."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from harness.errors import GateError
from harness.gate.result import ChangedItem, ChangedLayer
from harness.gate.side import Side
from harness.report.schema import LayerErrorRecord, Report
from harness.store.run_files import Items

MAX_ITEMS = 20
MAX_LAYERS = 5
# Less than this is what any change of rounding makes.
_LAYER_DB = 1.0
_ENVIRONMENT = ("k210-harness", "git", "torch", "onnx", "python", "system")


def check_comparable(run: Side, baseline: Side) -> None:
    """Make sure that two runs can be paired item by item.

    Raises:
        GateError: Method or data set differ; the message says what.
    """
    ours, theirs = run.report, baseline.report
    if ours.method != theirs.method:
        raise GateError(
            f"{ours.run_id} ran {ours.method}, the baseline {theirs.run_id} {theirs.method}",
            "hold a run against one of its own method",
        )
    if run.items is None or baseline.items is None:
        lacking = ours.run_id if run.items is None else theirs.run_id
        raise GateError(
            f"{lacking} has no items.jsonl beside its report, so that items cannot be paired",
            "give the whole run folder",
        )
    a, b = run.items, baseline.items
    if a.fingerprint != b.fingerprint:
        said = "; ".join(_data_differences(run, baseline))
        raise GateError(
            f"the data set of {ours.run_id} is not that of {theirs.run_id}: {said}",
            "run both on the same items, or sign off a new baseline",
        )


def _data_differences(run: Side, baseline: Side) -> Iterator[str]:
    assert run.items is not None
    assert baseline.items is not None
    ours, theirs = _by_name(run.items), _by_name(baseline.items)
    if len(ours) != len(theirs):
        yield f"{len(ours)} items against {len(theirs)}"
    for text, names in (("new", ours.keys() - theirs), ("gone", theirs.keys() - ours)):
        if names:
            yield f"{len(names)} {text} ({_first(names)})"
    common = ours.keys() & theirs
    for text, place in (("other bytes", 0), ("another label", 1)):
        changed = {name for name in common if ours[name][place] != theirs[name][place]}
        if changed:
            yield f"{len(changed)} with {text} ({_first(changed)})"
    if ours == theirs:
        yield "the same items in another order"


def _by_name(items: Items) -> dict[str, tuple[str, str | None]]:
    contents = zip(items.sha256s, items.labels, strict=True)
    return dict(zip(items.ids, contents, strict=True))


def _first(names: set[str]) -> str:
    return ", ".join(sorted(names)[:2]) + (", …" if len(names) > 2 else "")


def changed_items(run: Side, baseline: Side) -> list[ChangedItem]:
    """Return what was right and is wrong now, a backend at a time."""
    assert run.items is not None
    assert baseline.items is not None
    found = []
    for backend, after in run.items.predicted.items():
        before = baseline.items.predicted.get(backend)
        if before is None:
            continue
        rows = zip(run.items.ids, run.items.labels, before, after, strict=True)
        wrong = [
            ChangedItem(
                id=name,
                backend=backend,
                label=label,
                before=old,
                after=new,
                picture=run.pictures.get(name),
            )
            for name, label, old, new in rows
            if old == label != new
        ]
        found += wrong[:MAX_ITEMS]
    return found


def changed_layers(run: Report, baseline: Report) -> list[ChangedLayer]:
    """Return the layers whose accumulated SNR fell most, where both runs were blamed."""
    before = {layer.layer: layer.accumulated for layer in baseline.layers}
    found = [
        ChangedLayer(layer=layer.layer, backend=backend, before_db=old, after_db=new)
        for layer in run.layers
        for backend, error in layer.accumulated.items()
        if (old := _snr(before.get(layer.layer, {}).get(backend))) is not None
        and (new := _snr(error)) is not None
        and old - new > _LAYER_DB
    ]
    return sorted(found, key=lambda one: one.after_db - one.before_db)[:MAX_LAYERS]


def _snr(error: LayerErrorRecord | None) -> float | None:
    if error is None:
        return None
    value = math.inf if error.snr_db is None else error.snr_db
    return None if math.isnan(value) else value


def differences(run: Report, baseline: Report) -> list[str]:
    """Return what else is not the same, in words."""
    return [
        f"{name}: {_short(old)} before, {_short(new)} now"
        for name, old, new in _facts(run, baseline)
        if old != new
    ]


def _facts(run: Report, baseline: Report) -> Iterator[tuple[str, Any, Any]]:
    for name in _ENVIRONMENT:
        yield name, baseline.environment.get(name), run.environment.get(name)
    for name in ("weights_sha256", "kmodel_sha256", "compiler", "calibration", "input", "rewrites"):
        yield name, baseline.contract.get(name), run.contract.get(name)
    yield "board", board_of(baseline), board_of(run)


def board_of(report: Report) -> str:
    """Return which board ran, as far as its times depend on it; empty where none did."""
    board = report.board
    if board is None:
        return ""
    return f"{board.kind} board, {board.firmware}, {board.serial_number or board.machine}"


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        value = ", ".join(f"{name} {entry}" for name, entry in value.items())
    text = "nothing" if value in (None, "", []) else str(value)
    return text if len(text) <= 60 else f"{text[:12]}…" if " " not in text else f"{text[:57]}…"
