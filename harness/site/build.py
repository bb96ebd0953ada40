"""Write the pages of a store. A page that is there and says the same is left alone."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import harness
from harness.errors import StoreError
from harness.files import write_bytes, write_json, write_text
from harness.progress import SILENT, Progress
from harness.report.html import SiteLinks, render
from harness.report.schema import Report
from harness.report.templating import TEMPLATES as REPORT_TEMPLATES
from harness.report.templating import environment
from harness.site.courses import backends_of, courses, is_broken, method_rows
from harness.site.names import address, page
from harness.store import baselines, reading
from harness.store.activity import activities
from harness.store.database import Store
from harness.store.reading import RunLine

if TYPE_CHECKING:
    from jinja2 import Environment

# Names the folder as ours, and keeps what each page was made of.
STATE_FILE = "site.json"
RUNS, METHODS, REPORTS = "runs", "methods", "reports"
# More lines than this make a table that nobody reads and a phone that waits.
MAX_RUNS_SHOWN = 500
_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Built:
    """What a build did: pages of runs that were written, and those that were there."""

    written: int
    kept: int


def build(store: Store, out: Path, *, live: bool = False, progress: Progress = SILENT) -> Built:
    """Write the whole site, or what has changed of it.

    Args:
        store: Where the runs are.
        out: Folder; new, empty, or of such a site.
        live: Whether pages look for newer ones by themselves, as `k210 serve` wants.
        progress: Who is told.

    Raises:
        StoreError: The folder holds something else.
        HarnessError: The extra `report` is not installed.
    """
    state = _claim(out)
    runs = reading.runs(store)
    stamps: dict[str, str] = {}
    written = 0
    with progress.task("Writing pages", len(runs)) as task:
        for run in runs:
            stamp = _stamp(run)
            if state.get(run.run_id) != stamp or not (out / RUNS / page(run.run_id)).is_file():
                _write_run(store, run, out)
                written += 1
            stamps[run.run_id] = stamp
            task.advance(1, run.run_id)
    _write_tables(store, runs, out, live)
    write_json(out / STATE_FILE, {"pages": stamps})
    return Built(written, len(runs) - written)


def _claim(out: Path) -> dict[str, str]:
    """Return what each page of a folder was made of.

    Raises:
        StoreError: The folder is not a site.
    """
    state = out / STATE_FILE
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not state.is_file()):
        raise StoreError(
            f"{out} exists and is not a site: nothing was written", "name a new or empty folder"
        )
    try:
        return dict(json.loads(state.read_bytes())["pages"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # nothing, or damaged: all pages are written


def _stamp(run: RunLine) -> str:
    """Return what a run's page depends on."""
    return hashlib.sha256(f"{harness.__version__} {run}".encode()).hexdigest()[:16]


def _write_run(store: Store, run: RunLine, out: Path) -> None:
    report = reading.report(store, run.run_id)
    report = report.model_copy(update={"gate": reading.gate(store, run.run_id) or report.gate})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for picture in reading.pictures(store, run.run_id):
            write_bytes(folder / picture.name, picture.data)
        text = render(report, folder, _links(report))
    write_text(out / RUNS / page(run.run_id), text)
    report.write(out / REPORTS / page(run.run_id).removesuffix(".html"))


def _links(report: Report) -> SiteLinks:
    own = address(REPORTS, report.run_id).removesuffix(".html")
    return SiteLinks(
        home="../index.html",
        method=f"../{address(METHODS, report.method)}",
        report=f"../{own}/report.json",
        baseline_address=f"../{address(RUNS, report.gate['baseline'])}" if report.gate else "",
        has_files=False,
    )


def _write_tables(store: Store, runs: Sequence[RunLine], out: Path, live: bool) -> None:
    write_bytes(out / "style.css", _style())
    _write_index(store, runs, out, live)
    names = {one.run_id: one.name for one in baselines.current(store)}
    by_method: dict[str, list[RunLine]] = {}
    for run in runs:
        by_method.setdefault(run.method, []).append(run)
    for method, lines in by_method.items():
        context = {
            "method": method,
            "runs": lines[: -MAX_RUNS_SHOWN - 1 : -1],
            "total": len(lines),
            "courses": courses(lines),
            "backends": backends_of(lines),
            "baselines": names,
            "root": "../",
        }
        write_text(out / METHODS / page(method), _render("method.html.j2", context, live))


def _write_index(store: Store, runs: Sequence[RunLine], out: Path, live: bool) -> None:
    context: dict[str, Any] = {
        "rows": method_rows(runs),
        "runs": runs[: -MAX_RUNS_SHOWN - 1 : -1],
        "total": len(runs),
        "baselines": {one.run_id: one.name for one in baselines.current(store)},
        "activities": [one for one in activities(store) if one.is_fresh] if live else [],
        "root": "",
    }
    write_text(out / "index.html", _render("index.html.j2", context, live))


def _style() -> bytes:
    parts = (REPORT_TEMPLATES / "style.css", _TEMPLATES / "site.css")
    return b"\n".join(part.read_bytes() for part in parts)


def _render(template: str, context: Mapping[str, Any], live: bool) -> str:
    return _environment().get_template(template).render(**context, live=live)


@cache
def _environment() -> Environment:
    made = environment(_TEMPLATES)
    made.globals.update(address=address, is_broken=is_broken)
    return made
