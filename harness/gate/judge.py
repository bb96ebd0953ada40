"""Hold a run against a baseline, and against the runs before it.

A gate asks several questions at once, and each may be answered wrongly. So the share of false
alarms that the whole gate is allowed is divided: a half among the paired tests of task metrics, a
quarter among those of the outputs' cosines, a quarter among the tests against earlier runs, and
within each kind evenly (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.gate import differences
from harness.gate.result import GateReport, Verdict
from harness.gate.side import Side
from harness.gate.thresholds import Thresholds
from harness.gate.verdicts.courses import judge_courses
from harness.gate.verdicts.metrics import judge_metrics
from harness.gate.verdicts.speeds import judge_speeds
from harness.store.reading import RunLine


def judge(
    run: Side,
    baseline: Side,
    thresholds: Thresholds,
    *,
    chosen: str = "named",
    earlier: Sequence[RunLine] = (),
) -> GateReport:
    """Judge a run.

    Args:
        run: What is judged.
        baseline: What it is held against.
        thresholds: What is put up with.
        chosen: How the baseline was chosen, in words.
        earlier: Runs of the same method over the same data before this one, oldest first.

    Raises:
        GateError: The two cannot be paired.
    """
    differences.check_comparable(run, baseline)
    metrics = judge_metrics(run, baseline, thresholds)
    courses = judge_courses(run.report, earlier, thresholds)
    speeds = list(judge_speeds(run, baseline, earlier, thresholds))
    verdicts = [
        *(one.verdict for one in metrics),
        *(one.verdict for one in courses),
        *(one.verdict for one in speeds),
    ]
    return GateReport(
        run=run.report.run_id,
        baseline=baseline.report.run_id,
        chosen=chosen,
        verdict=_overall(verdicts, bool(metrics)),
        enough_data=bool(metrics) and "not enough data" not in verdicts,
        false_alarm=thresholds.false_alarm,
        metrics=tuple(metrics),
        courses=tuple(courses),
        speeds=tuple(speeds),
        items=tuple(differences.changed_items(run, baseline)),
        layers=tuple(differences.changed_layers(run.report, baseline.report)),
        differences=tuple(differences.differences(run.report, baseline.report)),
    )


def _overall(verdicts: Sequence[Verdict], any_metric: bool) -> Verdict:
    if "fail" in verdicts:
        return "fail"
    return "not enough data" if "not enough data" in verdicts or not any_metric else "pass"
