"""How often a gate cries without a cause, and how often it sees one.

A history is of runs over the same 1 000 images. A share of the images lies at the border of two
classes and is right or wrong by a coin's toss in every run; all others are the same in each.
"""

from __future__ import annotations

import numpy as np
import pytest

from harness.gate.judge import judge
from harness.gate.side import Side
from harness.gate.thresholds import Thresholds
from harness.report.schema import BackendRecord, DataRecord
from harness.store.reading import RunLine
from harness.store.run_files import Items
from tests.report import reports

IMAGES, RUNS, HISTORIES = 1000, 20, 200
ACCURACY, BORDER = 0.92, 0.02
BACKENDS = ("float", "nncase", "kpu")


class History:
    """Runs that a seed draws."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.right = self.rng.random(IMAGES) < ACCURACY
        self.border = self.rng.random(IMAGES) < BORDER
        self.ids = tuple(map(str, range(IMAGES)))

    def run(self, name: str, lost: float = 0.0) -> Side:
        """Draw a run; a share of all images that were right is lost on every backend."""
        broken = self.right & (self.rng.random(IMAGES) < lost / ACCURACY)
        tossed = self.rng.random(IMAGES) < 0.5
        right = np.where(self.border, tossed, self.right) & ~broken
        scores = {"accuracy": tuple(map(float, right))}
        items = Items(self.ids, self.ids, ("a",) * IMAGES, {}, dict.fromkeys(BACKENDS, scores))
        metrics = {"accuracy": float(right.mean())}
        report = reports.report(
            run_id=name,
            data=DataRecord(source="drawn", items=IMAGES),
            backends={name: BackendRecord(metrics=metrics) for name in BACKENDS},
        )
        return Side(report, items, {})

    def line(self, side: Side) -> RunLine:
        metrics = {
            (name, "accuracy"): record.metrics["accuracy"]
            for name, record in side.report.backends.items()
        }
        return RunLine(side.report.run_id, "coins", "", "pass", "", "", "", "x", metrics, {})


def share_called_worse(first: int, lost: float, runs: int = RUNS) -> float:
    """Judge the last run of each history; say the count, which the page on gates quotes."""
    found = [verdict(first + seed, lost, runs) for seed in range(HISTORIES)]
    assert set(found) <= {"pass", "fail"}
    worse = found.count("fail")
    print(f"\n{worse} of {HISTORIES} called worse; {lost:.0%} lost, {runs} runs before")
    return worse / HISTORIES


def verdict(seed: int, lost: float, runs: int) -> str:
    history = History(seed)
    earlier = [history.run(f"run-{number}") for number in range(runs)]
    last = history.run("last", lost)
    lines = [history.line(side) for side in earlier]
    return judge(last, earlier[-1], Thresholds(), earlier=lines).verdict


def test_false_alarms_are_rare():
    assert share_called_worse(0, 0.0) <= 0.05


def test_a_loss_of_two_points_is_found():
    assert share_called_worse(0, 0.02) >= 0.90


@pytest.mark.slow
def test_the_baseline_alone_finds_most_of_a_loss_of_two_points():
    assert share_called_worse(0, 0.02, runs=1) >= 0.75
    assert share_called_worse(0, 0.0, runs=1) <= 0.05
