"""`report.html`: one file that answers, without network or script, what a run found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.files import write_text
from harness.report import figures, numbers, verdict, views
from harness.report.board_name import with_named_board
from harness.report.contract_view import calibration_rows, contract_rows
from harness.report.extra import report_extra
from harness.report.gate_view import gate_view
from harness.report.histograms import histograms
from harness.report.layers_view import layers_view
from harness.report.pictures import Inliner, Picture, inside, is_picture, link
from harness.report.schema import HTML_FILE, DisagreementRecord, Report
from harness.report.templating import environment

if TYPE_CHECKING:
    from jinja2 import Environment

# More pictures than this tell a person nothing new.
MAX_DISAGREEMENTS = 24

_THUMBNAIL_PIXELS = 224
_ARTEFACT_PIXELS = 1200
# Text files up to this size are shown, longer ones only linked.
_TEXT_BYTES = 4096


@dataclass(frozen=True)
class SiteLinks:
    """Addresses of other pages, relative to a run's; empty where there are none.

    Attributes:
        home: The overview.
        method: The method's own page.
        report: The run's `report.json`.
        baseline_address: The page of the run that a gate held this one against.
        has_files: Whether the files of the run folder lie beside the page.
    """

    home: str = ""
    method: str = ""
    report: str = "./report.json"
    baseline_address: str = ""
    has_files: bool = True


ALONE = SiteLinks()


@dataclass(frozen=True)
class _Disagreement:
    record: DisagreementRecord
    picture: Picture


@dataclass(frozen=True)
class _Artefact:
    title: str
    path: str
    address: str
    size: str
    picture: Picture | None
    sound: str
    text: str

    @property
    def is_shown(self) -> bool:
        """Whether the page has more of it than its name."""
        return bool(self.picture or self.sound or self.text)


def write_html(report: Report, folder: Path) -> Path:
    """Write `report.html` into a run folder and return its path.

    Raises:
        HarnessError: The extra `report` is not installed.
    """
    path = folder / HTML_FILE
    write_text(path, render(report, folder))
    return path


def render(report: Report, folder: Path, site: SiteLinks = ALONE) -> str:
    """Return a report as one HTML page.

    Args:
        report: What to show.
        folder: The run folder, whose pictures are put into the page. One that is missing or
            damaged is named in its place.
        site: The pages around it, where it is one of many.

    Raises:
        HarnessError: The extra `report` is not installed.
    """
    template = _environment().get_template("report.html.j2")
    return template.render(_context(with_named_board(report), Inliner(folder), site))


def _environment() -> Environment:
    made = environment()
    made.globals["limits"] = verdict.limits
    for show in (numbers.metric, numbers.share, numbers.milliseconds, numbers.count):
        made.filters[show.__name__] = show
    return made


def _context(report: Report, inliner: Inliner, site: SiteLinks) -> dict[str, Any]:
    # Disagreements come first: they may not go short because a curve took the room.
    disagreements = _disagreements(report, inliner)
    return {
        "report": report,
        "verdict": verdict.judge(report),
        "metric_names": views.metric_names(report.backends),
        "environment_names": views.environment_names(report.backends),
        "by_output": views.by_output,
        "confusions": views.confusions(report),
        "disagreements": disagreements,
        "layers": layers_view(report),
        "placement": views.placement(report.operations),
        "contract": contract_rows(report.contract),
        "calibration": calibration_rows(report.contract),
        "artefacts": _artefacts(report.artefacts, inliner, linked=site.has_files),
        "environment": views.flatten(report.environment),
        "board": views.board_rows(report.board),
        "prediction": views.prediction_line(report.prediction),
        "plots": _plots(report),
        "histograms": histograms(report),
        "gate": gate_view(report.gate, site.baseline_address),
        "site": site,
    }


def _plots(report: Report) -> dict[str, str]:
    with report_extra():
        from markupsafe import Markup

    plots: dict[str, str] = {}
    if latencies := views.latencies(report):
        plots["latency"] = Markup(figures.latency(latencies))
    if report.cross_validation is not None:
        plots["folds"] = Markup(figures.cross_validation(report.cross_validation))
    return plots


def _disagreements(report: Report, inliner: Inliner) -> list[_Disagreement]:
    return [
        _Disagreement(
            record,
            inliner.picture(record.picture, _THUMBNAIL_PIXELS)
            if record.picture
            else Picture(problem="no picture was kept"),
        )
        for record in report.disagreements[:MAX_DISAGREEMENTS]
    ]


def _artefacts(artefacts: Mapping[str, str], inliner: Inliner, *, linked: bool) -> list[_Artefact]:
    return [_artefact(title, path, inliner, linked) for title, path in artefacts.items()]


def _artefact(title: str, path: str, inliner: Inliner, linked: bool) -> _Artefact:
    file = inside(inliner.folder, path)
    if file is None or not file.exists():
        return _Artefact(title, path, address="", size="", picture=None, sound="", text="")
    is_file = file.is_file()
    return _Artefact(
        title=title,
        path=path,
        address=link(path) if linked else "",
        size=numbers.file_size(file.stat().st_size) if is_file else "",
        picture=inliner.picture(path, _ARTEFACT_PIXELS) if is_picture(path) else None,
        sound=inliner.sound(path),
        text=_text(file) if is_file else "",
    )


def _text(file: Path) -> str:
    if file.suffix != ".txt" or file.stat().st_size > _TEXT_BYTES:
        return ""
    return file.read_text(encoding="utf-8", errors="replace")
