"""`--k210-gate`: what the fixture `k210` runs is held against a baseline, and kept for the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.gate.result import GateReport

_KEY = pytest.StashKey["SessionGate"]()


def add_options(group: pytest.OptionGroup) -> None:
    """Add the options of the gate."""
    group.addoption(
        "--k210-gate",
        metavar="NAME|RUN|auto",
        help="hold what the fixture k210 runs against this baseline, and fail what is worse; "
        "auto: the newest sign-off or run of the same model over the same inputs",
    )
    group.addoption(
        "--k210-store",
        metavar="FILE|URL",
        help="store of the baselines, into which the runs go, too; else K210_STORE, or k210.sqlite",
    )
    group.addoption("--k210-thresholds", metavar="FILE", help="TOML file of the gate's thresholds")
    group.addoption(
        "--k210-markdown",
        metavar="FILE",
        help="append what the gate said, and which failures are of the link, as a pull request "
        "shows it; GitHub names such a file in GITHUB_STEP_SUMMARY",
    )


def of(config: pytest.Config) -> SessionGate:
    """Return the gate of a test session."""
    if _KEY not in config.stash:
        config.stash[_KEY] = SessionGate(config)
    return config.stash[_KEY]


def summary(config: pytest.Config) -> Iterator[str]:
    """Yield what the gate has said in this session."""
    if _KEY in config.stash:
        yield from config.stash[_KEY].lines()


def write_markdown(config: pytest.Config, lines: Iterable[str]) -> None:
    """Append the judgements of a session, and some more lines, to the file of `--k210-markdown`.

    Under pytest-xdist the workers judge, and their controller alone knows all failures.
    """
    path, gate = config.getoption("--k210-markdown"), of(config)
    is_worker, workers = hasattr(config, "workerinput"), config.getoption("numprocesses", 0)
    judges = gate.has_judged or not (is_worker or workers)
    parts = [*(gate.markdown() if judges else ()), *(() if is_worker else lines)]
    if path and parts:
        text = "\n\n".join(parts)
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


class SessionGate:
    """The gate of one test session; without `--k210-gate` it lets everything through."""

    def __init__(self, config: pytest.Config) -> None:
        self._baseline: str | None = config.getoption("--k210-gate")
        self._store: str | None = config.getoption("--k210-store")
        self._thresholds: str | None = config.getoption("--k210-thresholds")
        self._first: list[str] = []
        self._judged: list[GateReport] = []

    def judge(self, folder: Path) -> None:
        """Put a run into the store and judge it.

        A run for which there is no baseline yet passes: it is the first of its history.
        """
        if self._baseline is None:
            return
        from harness.gate.choose import NoBaselineError
        from harness.gate.thresholds import read_thresholds
        from harness.pipeline.gating import gate_run, keep_run

        keep_run(folder, self._store)
        thresholds = read_thresholds(Path(self._thresholds) if self._thresholds else None)
        try:
            found = gate_run(str(folder), self._baseline, self._store, thresholds)
        except NoBaselineError as error:
            self._first.append(str(error))
            return
        self._judged.append(found)
        if found.verdict == "fail":
            pytest.fail(_words(found), pytrace=False)

    @property
    def has_judged(self) -> bool:
        """Whether a run came by in this process."""
        return bool(self._judged or self._first)

    def markdown(self) -> Iterator[str]:
        """Yield a part for each run that was judged, then one for those that could not be."""
        from harness.gate.markdown import summary

        yield from (summary(found).rstrip() for found in self._judged)
        yield from self.lines()

    def lines(self) -> Iterator[str]:
        """Yield one line of counts, and what was not enough to tell."""
        if self._baseline is None:
            return
        counts = {"pass": 0, "fail": 0, "not enough data": 0}
        for one in self._judged:
            counts[one.verdict] += 1
        said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        first = f"{len(self._first)} without a baseline yet" if self._first else ""
        yield f"k210 gate: {', '.join(filter(None, (said, first))) or 'nothing was judged'}"


def _words(found: GateReport) -> str:
    reasons = [
        *((f"{one.backend} {one.metric}", one.verdict, one.reason) for one in found.metrics),
        *((f"{one.backend} {one.metric}", one.verdict, one.reason) for one in found.courses),
        *((f"latency of {one.backend}", one.verdict, one.reason) for one in found.speeds),
    ]
    failed = [f"{name}: {reason}" for name, verdict, reason in reasons if verdict == "fail"]
    return "\n".join([f"worse than {found.baseline} ({found.chosen})", *failed, *found.differences])
