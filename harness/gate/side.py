"""One side of a gate: a run's report and items, from a folder or from a store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.errors import GateError
from harness.gate.statistics.paired import Floats
from harness.report.schema import REPORT_FILE, Report
from harness.store import reading
from harness.store.database import Store
from harness.store.run_files import Items, find_runs, read_run


@dataclass(frozen=True)
class Side:
    """A run, and the name of each picture that is kept of its items.

    Attributes:
        report: Its `report.json`.
        items: What each backend made of each item; None where that is not known.
        pictures: Item → name of a picture in the run.
    """

    report: Report
    items: Items | None
    pictures: Mapping[str, str]

    def score(self, backend: str, name: str) -> Floats:
        """Return a score [N]; NaN where there is none."""
        assert self.items is not None
        found = self.items.scores.get(backend, {}).get(name)
        return np.full(len(self.items.ids), np.nan) if found is None else np.asarray(found)


def from_folder(path: Path) -> Side:
    """Read a run folder.

    Raises:
        RunFolderError: It is none, or damaged.
        GateError: It holds more than one run.
    """
    reports = find_runs(path)
    if len(reports) > 1:
        folders = ", ".join(str(one.parent) for one in reports[:3])
        raise GateError(f"{path} holds {len(reports)} runs: {folders}, …", "name one of them")
    files = read_run(reports[0])
    return Side(files.report, files.items, _pictures(files.report))


def from_store(store: Store, run_id: str) -> Side:
    """Read a run of a store.

    Raises:
        StoreError: There is no such run.
    """
    report = reading.report(store, run_id)
    return Side(report, reading.items(store, report.run_id), _pictures(report))


def is_folder(text: str) -> bool:
    """Return whether a text names a run on disk, and not one in a store."""
    path = Path(text)
    return path.is_dir() or path.name == REPORT_FILE or path.suffix == ".json"


def _pictures(report: Report) -> dict[str, str]:
    return {one.id: one.picture for one in report.disagreements if one.picture}
