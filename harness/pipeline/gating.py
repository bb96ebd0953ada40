"""Judge a run, and keep the judgement where the run is: in its folder, and in the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.gate.choose import choose, earlier_runs, run_side
from harness.gate.judge import judge
from harness.gate.result import GateReport
from harness.gate.side import is_folder
from harness.gate.thresholds import Thresholds
from harness.report.html import write_html
from harness.report.schema import REPORT_FILE, read_report
from harness.store import address
from harness.store.database import Store
from harness.store.run_files import read_run
from harness.store.writing import add_gate_result, add_run


def gate_run(run: str, baseline: str, where: str | None, thresholds: Thresholds) -> GateReport:
    """Judge a run and write the judgement down.

    Args:
        run: Folder, or name in the store.
        baseline: As `harness.gate.choose.choose` takes it.
        where: The store; None for the one that K210_STORE names or that lies here, if any.
        thresholds: What is put up with.

    Raises:
        HarnessError: A run is missing or damaged, or the two cannot be paired.
    """
    with _store(where) as store:
        side = run_side(store, run)
        chosen = choose(store, baseline, side)
        earlier = earlier_runs(store, side)
        found = judge(side, chosen.side, thresholds, chosen=chosen.how, earlier=earlier)
        document = found.model_dump(mode="json", by_alias=True)
        if is_folder(run):
            _write_into(Path(run), document)
        if store is not None:
            add_gate_result(store, found.run, found.baseline, found.verdict, document)
    return found


def keep_run(folder: Path, where: str | None) -> None:
    """Put a run folder into a store, which is made where there is none.

    Raises:
        StoreError: It cannot be written.
        RunFolderError: The folder is damaged.
    """
    with Store.open(where, create=True) as store:
        add_run(store, read_run(folder / REPORT_FILE))


@contextmanager
def _store(where: str | None) -> Iterator[Store | None]:
    """Open the store; one that nobody named may be missing: two folders need none."""
    found = address.parse(where)
    if where is None and found.path is not None and not found.path.exists():
        yield None
        return
    with Store.open(where) as store:
        yield store


def _write_into(path: Path, document: dict[str, Any]) -> None:
    folder = path if path.is_dir() else path.parent
    if not (folder / REPORT_FILE).is_file():
        return
    report = read_report(folder).model_copy(update={"gate": document})
    write_html(report, folder)
    report.write(folder)
