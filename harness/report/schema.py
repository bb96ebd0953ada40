"""`report.json`, schema 1. Later versions add fields; none is renamed or dropped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import RunFolderError
from harness.files import write_text

REPORT_FILE = "report.json"
HTML_FILE = "report.html"
BLAME_FILE = "blame.json"
SCHEMA: Final = 1


class _Record(BaseModel):
    # A NaN or an infinity is written as a string: JSON has no number for it, and null would read
    # as something else.
    model_config = ConfigDict(frozen=True, extra="allow", ser_json_inf_nan="strings")


class LatencyRecord(_Record):
    """Percentiles in milliseconds over `n` items."""

    p50: float
    p95: float
    p99: float
    n: int


class HistogramRecord(_Record):
    """Items by latency; see `harness.compare.latency.Histogram`."""

    edges_ms: tuple[float, ...]
    counts: tuple[int, ...]


class BackendRecord(_Record):
    """One backend: task metrics, latency, what ran it, and what it took each item for.

    `confusion` is `[true class][predicted class]` → count, for classifiers.
    """

    metrics: Mapping[str, float] = Field(default_factory=dict)
    latency_ms: LatencyRecord | None = None
    latency_histogram: HistogramRecord | None = None
    environment: Mapping[str, str] = Field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] | None = None


class DifferenceRecord(_Record):
    """The first element in which two outputs differ.

    Where `layer` is known, the element and the values are those of its result: it is the first
    layer that differs, and has a name as in `k210 inspect`.
    """

    item: str
    index: tuple[int, ...]
    reference: float
    candidate: float
    layer: str | None = None


class ComparisonRecord(_Record):
    """One output of one pair of backends. `snr_db` is null when the outputs are equal."""

    reference: str
    candidate: str
    output: str
    cosine: float
    max_abs: float
    mean_abs: float
    snr_db: float | None
    rmse: float
    top1_agreement: float | None
    worst_item: str
    worst_cosine: float
    first_difference: DifferenceRecord | None = None
    within_tolerance: bool | None
    tolerance: Mapping[str, float] = Field(default_factory=dict)
    tolerance_that_would_pass: Mapping[str, float] = Field(default_factory=dict)


class OperationRecord(_Record):
    """One compiled operation; see `harness.compiler.placement.Placed`."""

    layer: str
    operation: str
    unit: Literal["KPU", "CPU"]
    shape: tuple[int, ...]
    inserted: bool
    reason: str


class LayerErrorRecord(_Record):
    """One column's distance from the float result; `snr_db` is null where they are equal.

    All are NaN where either has values that are no numbers, `not_finite` of them.
    """

    snr_db: float | None
    cosine: float
    mse: float
    max_abs: float
    not_finite: int = 0


class LayerRecord(_Record):
    """One layer of the kmodel beside its counterparts; see `harness.blame.result.LayerRow`.

    Errors by column: `weights`, `activations`, `kpu`, and for some layers `nncase` and `board`.
    """

    layer: str
    module: str
    node: str
    unit: str
    remark: str = ""
    accumulated: Mapping[str, LayerErrorRecord]
    alone: Mapping[str, LayerErrorRecord]


class HintRecord(_Record):
    """Something to act on, with its numbers. `layer` is empty where it is about the whole.

    `fixes` names what `k210 blame --fix` tries against it.
    """

    layer: str
    kind: str
    text: str
    evidence: str
    fixes: tuple[str, ...] = ()


class BlameRecord(_Record):
    """The first stage that diverges, and the layers that cost most; see `k210 blame`.

    `outputs` holds the errors of the model's outputs by name and column.
    """

    images: int
    stage: str
    layer: str
    evidence: tuple[str, ...]
    costliest: tuple[str, ...] = ()
    hints: tuple[HintRecord, ...] = ()
    outputs: Mapping[str, Mapping[str, LayerErrorRecord]] = Field(default_factory=dict)
    seconds: Mapping[str, float] = Field(default_factory=dict)


class DataRecord(_Record):
    """What was looked at: counts, classes, and remarks about the data."""

    source: str
    items: int
    classes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class DisagreementRecord(_Record):
    """One item that two backends take for different classes. `picture` is relative to the run."""

    id: str
    label: str | None
    predictions: Mapping[str, str]
    picture: str | None


class BoardRecord(_Record):
    """The board that ran, and what it was sent.

    Only with the `kind` "real" is it known to be a result on hardware: a "remote" board is behind a
    network port, where an emulator may be.
    """

    kind: Literal["virtual", "remote", "real"]
    firmware: str
    machine: str = ""
    port: str
    serial_number: str | None = None
    kmodel: str
    inputs: str
    latency_rule: str | None = None
    camera_loop: str | None = None


class PredictionRecord(_Record):
    """Times that were predicted for the kmodel, in milliseconds; see `harness.timing`.

    `measured_ms` is the median of the board that ran, of the kind `measured_on`.
    """

    kmodel_version: int
    board: str
    cpu_hz: float
    kpu_hz: float
    constants: str
    ms: float
    interval_ms: tuple[float, float]
    kpu_ms: float
    cpu_ms: float
    transfer_ms: float
    fps: float
    loop_fps: float
    layers_ms: Mapping[str, float] = Field(default_factory=dict)
    measured_ms: float | None = None
    measured_on: str | None = None


class CrossValidationRecord(_Record):
    """Every item judged by a model that has not seen it.

    `intervals` holds the Wilson 95 % interval of each backend's accuracy.
    """

    folds: int
    items: int
    accuracy: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    fold_accuracy: Mapping[str, tuple[float, ...]]
    comparisons: tuple[ComparisonRecord, ...]


class Report(_Record):
    """The whole file."""

    schema_: Literal[1] = Field(SCHEMA, alias="schema")
    method: str
    run_id: str
    created: str
    environment: Mapping[str, Any]
    contract: Mapping[str, Any]
    data: DataRecord
    backends: Mapping[str, BackendRecord]
    comparisons: tuple[ComparisonRecord, ...]
    operations: tuple[OperationRecord, ...] = ()
    layers: tuple[LayerRecord, ...] = ()
    blame: BlameRecord | None = None
    disagreements: tuple[DisagreementRecord, ...] = ()
    cross_validation: CrossValidationRecord | None = None
    board: BoardRecord | None = None
    prediction: PredictionRecord | None = None
    gate: Mapping[str, Any] | None = None
    artefacts: Mapping[str, str] = Field(default_factory=dict)
    verdict: Literal["pass", "fail"]

    def document(self) -> dict[str, Any]:
        """Return the content of `report.json` as JSON values."""
        return dict(json.loads(self.model_dump_json(by_alias=True)))

    def write(self, folder: Path) -> Path:
        """Write `report.json` into a run folder and return its path."""
        path = folder / REPORT_FILE
        write_text(path, self.model_dump_json(indent=2, by_alias=True) + "\n")
        return path


def read_report(folder: Path, name: str = REPORT_FILE) -> Report:
    """Read `report.json` from a run folder, or from wherever it was kept as `name`.

    Raises:
        RunFolderError: It is missing, damaged, or of a newer schema.
    """
    path = folder / name
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RunFolderError(
            f"{path} cannot be read: {error.strerror}", "name the folder of a finished k210 run"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise RunFolderError(
            f"{path}: {where}: {first['msg']}",
            f"this version reads schema {SCHEMA}; a newer file needs a newer k210-harness",
        ) from error
