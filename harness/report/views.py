"""What the page shows of a report, put in the order and the groups in which it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report.schema import (
    BackendRecord,
    BoardRecord,
    ComparisonRecord,
    LatencyRecord,
    OperationRecord,
    PredictionRecord,
    Report,
)

# With the ramps of style.css, text of either colour keeps a contrast of 4.5 up to, or from, here.
_STRONG_SHARE = 0.66


@dataclass(frozen=True)
class Cell:
    """One field of a confusion matrix: the count, and its share of the row in [0, 1]."""

    count: int
    share: float

    @property
    def strong(self) -> bool:
        """Whether its colour is strong enough to ask for the other colour of text."""
        return self.share >= _STRONG_SHARE


@dataclass(frozen=True)
class Confusion:
    """One backend's confusion matrix.

    Attributes:
        backend: Its name.
        classes: One name a row and column.
        rows: By `[true class][predicted class]`.
        recall: For each true class the share that was recognised; None without items.
    """

    backend: str
    classes: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    recall: tuple[float | None, ...]


@dataclass(frozen=True)
class Placement:
    """Operations by where they run; what moves or recodes data stands apart as `glue`."""

    kpu: tuple[OperationRecord, ...]
    cpu: tuple[OperationRecord, ...]
    glue: tuple[OperationRecord, ...]


def confusions(report: Report) -> tuple[Confusion, ...]:
    """Return the confusion matrices of the backends that have one."""
    return tuple(
        _confusion(name, backend.confusion, report.data.classes)
        for name, backend in report.backends.items()
        if backend.confusion
    )


def _confusion(
    backend: str, counts: Sequence[Sequence[int]], classes: tuple[str, ...]
) -> Confusion:
    numbered = tuple(str(index) for index in range(len(counts)))
    return Confusion(
        backend=backend,
        classes=classes if len(classes) == len(counts) else numbered,
        rows=tuple(tuple(Cell(one, one / (sum(row) or 1)) for one in row) for row in counts),
        recall=tuple(
            row[index] / sum(row) if sum(row) else None for index, row in enumerate(counts)
        ),
    )


def placement(operations: Sequence[OperationRecord]) -> Placement:
    """Return operations in three groups, each in the order in which they run."""
    computing = [one for one in operations if not one.inserted]
    return Placement(
        kpu=tuple(one for one in computing if one.unit == "KPU"),
        cpu=tuple(one for one in computing if one.unit == "CPU"),
        glue=tuple(one for one in operations if one.inserted),
    )


def by_output(
    comparisons: Sequence[ComparisonRecord],
) -> dict[str, tuple[ComparisonRecord, ...]]:
    """Return comparisons by output name, in the order in which outputs first occur."""
    names = dict.fromkeys(one.output for one in comparisons)
    return {name: tuple(one for one in comparisons if one.output == name) for name in names}


def latencies(report: Report) -> dict[str, LatencyRecord]:
    """Return the latency of each backend that was timed."""
    return {
        name: backend.latency_ms
        for name, backend in report.backends.items()
        if backend.latency_ms is not None
    }


def metric_names(backends: Mapping[str, BackendRecord]) -> tuple[str, ...]:
    """Return every task metric that some backend has, in the order of first mention."""
    return tuple(dict.fromkeys(name for one in backends.values() for name in one.metrics))


def environment_names(backends: Mapping[str, BackendRecord]) -> tuple[str, ...]:
    """Return everything that some backend says about what ran it."""
    return tuple(dict.fromkeys(name for one in backends.values() for name in one.environment))


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested values as lines of text: `{"a": {"b": 1}}` becomes `{"a b": "1"}`."""
    lines: dict[str, str] = {}
    for key, value in values.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            lines |= flatten(value, f"{name} ")
        else:
            lines[name] = _text(value)
    return lines


def _text(value: Any) -> str:  # noqa: ANN401  any JSON value
    if isinstance(value, list | tuple):
        return ", ".join(_text(one) for one in value) or "—"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def prediction_line(found: PredictionRecord | None) -> str:
    """Return what was predicted, and measured where a board ran, in a sentence."""
    if found is None:
        return ""
    low, high = found.interval_ms
    text = (
        f"Predicted for a K210 (kmodel v{found.kmodel_version}, {found.board}, KPU "
        f"{found.kpu_hz / 1e6:.0f} MHz): {found.ms:.1f} ms, between {low:.1f} and {high:.1f}; "
        f"{found.loop_fps:.1f} pictures a second with camera and display."
    )
    if found.measured_ms is None:
        return text
    ratio = found.measured_ms / found.ms
    return (
        f"{text} The {found.measured_on} board took {found.measured_ms:.1f} ms, "
        f"{ratio:.2f} times the prediction."
    )


def board_rows(board: BoardRecord | None) -> dict[str, str]:
    """Return which board ran and what it was sent, as title → text."""
    if board is None:
        return {}
    rows = {
        "Kind": board.kind,
        "Firmware": board.firmware,
        "Machine": board.machine,
        "Port": board.port,
        "Serial number": board.serial_number,
        "Kmodel sent": board.kmodel,
        "Inputs travelled as": board.inputs,
        "Latency": board.latency_rule,
        "Camera loop": board.camera_loop,
    }
    return {title: text for title, text in rows.items() if text}
