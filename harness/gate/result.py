"""What a gate says, as `gate` of `report.json`, of a store, and of `--json` hold it; schema 1."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Verdict = Literal["pass", "fail", "not enough data"]


class _Record(BaseModel):
    # As in `report.json`: a NaN or an infinity is written as a string.
    model_config = ConfigDict(frozen=True, extra="allow", ser_json_inf_nan="strings")


class MetricResult(_Record):
    """One figure of one backend against the baseline; see `PairedTest` of the gate's statistics.

    `alpha` is the level of this test: the gate's own, shared among its tests. `reason` says in
    words why the verdict is what it is.
    """

    backend: str
    metric: str
    verdict: Verdict
    reason: str
    kind: str
    items: int
    before: float
    after: float
    change: float
    interval: tuple[float, float]
    p: float
    alpha: float
    limit: float
    worse: int
    better: int


class CourseResult(_Record):
    """One figure of one backend against the runs before it; see `harness.gate.statistics.course`.

    `since` is the run at which the level changed for the worse, where it did.
    """

    backend: str
    metric: str
    verdict: Verdict
    reason: str
    earlier: int
    mean: float
    spread: float
    value: float
    p: float
    since: str = ""


class SpeedResult(_Record):
    """Latencies of one backend; see `harness.gate.statistics.speed.SpeedTest`."""

    backend: str
    verdict: Verdict
    reason: str
    before_ms: float | None = None
    after_ms: float | None = None
    ratio: float | None = None
    interval: tuple[float, float] | None = None
    allowed: float | None = None


class ChangedItem(_Record):
    """An item that was right and is wrong now. `picture` is of the run, where it keeps one."""

    id: str
    backend: str
    label: str | None
    before: str
    after: str
    picture: str | None = None


class ChangedLayer(_Record):
    """A layer whose accumulated SNR on a backend fell, in dB."""

    layer: str
    backend: str
    before_db: float
    after_db: float


class GateReport(_Record):
    """The whole judgement.

    Attributes:
        run: Name of the run that was judged.
        baseline: Name of the run that it was held against.
        chosen: How that one was chosen, in words.
        verdict: Of all tests together.
        enough_data: False where a loss of the size that matters could not have been found.
        metrics: Tests on the same items.
        courses: Tests against earlier runs.
        speeds: Latencies.
        items: What became wrong, the first of each backend.
        layers: What lost most, the worst first.
        differences: What else is not the same: compiler, weights, board, commit.
    """

    schema_: Literal[1] = 1
    run: str
    baseline: str
    chosen: str
    verdict: Verdict
    enough_data: bool
    false_alarm: float
    metrics: tuple[MetricResult, ...]
    courses: tuple[CourseResult, ...] = ()
    speeds: tuple[SpeedResult, ...] = ()
    items: tuple[ChangedItem, ...] = ()
    layers: tuple[ChangedLayer, ...] = ()
    differences: tuple[str, ...] = ()
