"""The page as a whole: self-contained, well-formed, safe, and complete for every kind of run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.report import html
from harness.report.html import SiteLinks, render, write_html
from harness.report.schema import DataRecord, Report
from tests.report import reports
from tests.report.pages import Page

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=http://example.invalid/x.png onerror=alert(2)>&amp;"
)

RUNS = {
    "pass": reports.report(),
    "fail": reports.failing_report(),
    "images": reports.image_report(),
    "one backend": reports.report(
        backends={"float": reports.backend(None)},
        comparisons=(),
        operations=(),
        disagreements=(),
        cross_validation=None,
        artefacts={},
        contract={"name": "tiny", "input": reports.CONTRACT["input"]},
    ),
}


def hostile_report() -> Report:
    classes = (
        HOSTILE,
        "一円硬貨",
        "$\\frac{",
        "عملة",
        *(f"class {index} " * 9 for index in range(6)),
    )
    return reports.failing_report(
        method=HOSTILE,
        run_id=HOSTILE,
        data=DataRecord(source=HOSTILE, items=9, classes=classes, warnings=(HOSTILE,)),
        backends={
            "float": reports.backend(reports.confusion(10, 1)),
            "<b>&'": reports.backend(reports.confusion(10, 2), scale=3),
            "$x^": reports.backend(reports.confusion(10, 3)),
        },
        comparisons=(
            reports.comparison(
                candidate=HOSTILE,
                output=HOSTILE,
                worst_item=HOSTILE,
                within_tolerance=False,
                tolerance_that_would_pass={"cosine": 0.5},
            ),
        ),
        disagreements=(
            reports.disagreement(
                0, HOSTILE, id=HOSTILE, label=HOSTILE, predictions={HOSTILE: HOSTILE}
            ),
        ),
        environment={HOSTILE: HOSTILE},
        contract={**reports.CONTRACT, HOSTILE: {HOSTILE: [HOSTILE]}},
        artefacts={HOSTILE: HOSTILE, "out": "../../secret.png", "scheme": "javascript:alert(1)"},
    )


@pytest.mark.parametrize("run", [*RUNS.values(), hostile_report()], ids=[*RUNS, "hostile"])
def test_page_is_well_formed_and_loads_nothing(run: Report, tmp_path: Path) -> None:
    page = Page(render(run, tmp_path))
    assert page.unbalanced == []
    assert page.open == []
    assert page.all("script") == page.all("link") == page.all("iframe") == []
    assert all(image["src"].startswith("data:image/") for image in page.all("img"))
    assert all(link["href"].startswith("./") for link in page.all("a"))
    assert not [name for _, each in page.elements for name in each if name.startswith("on")]
    style = page.source.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


@pytest.mark.parametrize("run", [*RUNS.values(), hostile_report()], ids=[*RUNS, "hostile"])
def test_ids_are_unique(run: Report, tmp_path: Path) -> None:
    ids = Counter(each["id"] for _, each in Page(render(run, tmp_path)).elements if "id" in each)
    assert [name for name, times in ids.items() if times > 1] == []


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    page = Page(render(hostile_report(), tmp_path))
    assert page.words.count("<script>alert(1)</script>") > 10
    assert page.all("img") == []


def test_artefacts_outside_the_run_folder_are_neither_shown_nor_linked(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(reports.photograph(0))
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    run = reports.report(artefacts={"out": "../../secret.png", "scheme": "javascript:alert(1)"})
    page = Page(render(run, folder))
    assert page.all("img") == []
    assert "../../secret.png is not in the run folder" in page.text
    assert {link["href"] for link in page.all("a")} == {"./report.json"}


def test_a_full_run_has_every_section(tmp_path: Path) -> None:
    assert Page(render(reports.report(), tmp_path)).sections() == {
        "backends",
        "comparisons",
        "confusion",
        "disagreements",
        "folds",
        "operations",
        "contract",
        "data",
        "calibration",
        "environment",
        "artefacts",
    }


def test_a_run_without_classes_leaves_out_what_it_has_not(tmp_path: Path) -> None:
    page = Page(render(reports.image_report(), tmp_path))
    assert page.sections().isdisjoint({"confusion", "disagreements", "folds", "artefacts"})
    assert "accuracy" not in page.text.lower()
    assert "Output image" in page.text
    assert "Output mask" in page.text


def test_a_failed_limit_is_shown_with_the_tolerance_that_would_pass(tmp_path: Path) -> None:
    text = Page(render(reports.failing_report(), tmp_path)).text
    assert "✗ Fail" in text
    assert "cosine is 0.9412, the limit is ≥ 0.99; cosine=0.9412 would pass" in text


def test_agreement_everywhere_is_said_in_words(tmp_path: Path) -> None:
    text = Page(render(reports.report(disagreements=()), tmp_path)).text
    assert "None: all backends take every item for the same class." in text


def test_only_the_first_of_many_disagreements_are_shown(tmp_path: Path) -> None:
    paths = [
        reports.write(tmp_path, f"pictures/{index}.png", reports.photograph(index, 32))
        for index in range(html.MAX_DISAGREEMENTS + 1)
    ]
    many = tuple(reports.disagreement(index, paths[index % len(paths)]) for index in range(1312))
    page = Page(render(reports.report(disagreements=many, artefacts={}), tmp_path))
    assert len(page.all("img")) == html.MAX_DISAGREEMENTS
    assert "The first 24 of 1 312" in page.text


def test_a_missing_picture_leaves_a_line(tmp_path: Path) -> None:
    gone = (reports.disagreement(0, "pictures/gone.png"), reports.disagreement(1))
    page = Page(render(reports.report(disagreements=gone), tmp_path))
    assert page.all("img") == []
    assert "pictures/gone.png is not in the run folder" in page.text
    assert "no picture was kept" in page.text


def test_artefacts_are_shown_or_linked(tmp_path: Path) -> None:
    reports.write(tmp_path, "training/curves.png", reports.photograph(1))
    reports.write(tmp_path, "SD card/result #1.zip", b"PK" * 700)
    files = {"curves": "training/curves.png", "SD card": "SD card/result #1.zip"}
    page = Page(render(reports.report(artefacts=files, disagreements=()), tmp_path))
    assert [image["alt"] for image in page.all("img")] == ["curves"]
    assert "./SD%20card/result%20%231.zip" in {link["href"] for link in page.all("a")}
    assert "1.4 kB" in page.text


def test_a_sound_can_be_heard_and_a_long_one_is_linked(tmp_path: Path) -> None:
    reports.write(tmp_path, "recovered.wav", b"RIFF" * 99)
    reports.write(tmp_path, "long.wav", b"RIFF" * 400_000)
    files = {"sound": "recovered.wav", "an hour": "long.wav"}
    page = Page(render(reports.report(artefacts=files), tmp_path))
    assert [one["aria-label"] for one in page.all("audio")] == ["sound"]
    assert page.all("audio")[0]["src"].startswith("data:audio/wav;base64,UklGR")
    assert {"./recovered.wav", "./long.wav"} <= {link["href"] for link in page.all("a")}


def test_a_page_away_from_the_run_folder_links_none_of_its_files(tmp_path: Path) -> None:
    reports.write(tmp_path, "training/curves.png", reports.photograph(1))
    files = {"curves": "training/curves.png", "SD card": "card.zip"}
    links = SiteLinks(home="../index.html", has_files=False)
    page = Page(render(reports.report(artefacts=files), tmp_path, links))
    assert not [
        link
        for link in page.all("a")
        if link["href"].startswith("./") and not link["href"].endswith("report.json")
    ]
    assert "card.zip in the run folder" in page.text
    assert "curves" in [image["alt"] for image in page.all("img")]


def test_a_short_text_is_shown_and_a_long_one_linked(tmp_path: Path) -> None:
    reports.write(tmp_path, "mail.txt", b"Final Accuracy  0.9901960492134094\n<b>\xff")
    reports.write(tmp_path, "log.txt", b"a long story " * 1000)
    files = {"mail table": "mail.txt", "log": "log.txt"}
    page = Page(render(reports.report(artefacts=files), tmp_path))
    assert "Final Accuracy  0.9901960492134094\n<b>\N{REPLACEMENT CHARACTER}" in page.words
    assert "a long story" not in page.text
    assert {"./mail.txt", "./log.txt"} <= {link["href"] for link in page.all("a")}


def test_fallbacks_are_listed_and_moves_folded_away(tmp_path: Path) -> None:
    page = Page(render(reports.report(), tmp_path))
    assert "26 of 28 operations run on the KPU" in page.text
    assert "/pool/ReduceMean" in page.text
    assert "no global mean on the KPU" in page.text
    assert len(page.all("details")) == 2


def test_class_names_that_do_not_fit_the_matrix_are_not_used(tmp_path: Path) -> None:
    run = reports.report(data=DataRecord(source="x", items=5, classes=("only one",)))
    titles = {cell.get("title") for cell in Page(render(run, tmp_path)).all("th")}
    assert {"0", "1", "2", "3", "4"} <= titles


def test_a_typical_run_stays_below_two_megabytes(tmp_path: Path) -> None:
    shown = tuple(
        reports.disagreement(
            index,
            reports.write(tmp_path, f"pictures/{index}.png", reports.photograph(index, 224)),
        )
        for index in range(30)
    )
    curves = {
        f"plot {index}": reports.write(
            tmp_path, f"training/{index}.png", reports.photograph(index, 1000)
        )
        for index in range(4)
    }
    path = write_html(reports.report(disagreements=shown, artefacts=curves), tmp_path)
    assert path == tmp_path / "report.html"
    assert 100_000 < path.stat().st_size <= 2_000_000
    page = Page(path.read_text(encoding="utf-8"))
    assert len(page.all("img")) > html.MAX_DISAGREEMENTS
    assert "is left out to keep this page small" in page.text


def test_the_same_report_gives_the_same_page(tmp_path: Path) -> None:
    assert render(reports.report(), tmp_path) == render(reports.report(), tmp_path)


def test_a_report_read_from_json_gives_the_same_page(tmp_path: Path) -> None:
    original = reports.report()
    again = Report.model_validate_json(original.model_dump_json(by_alias=True))
    assert render(again, tmp_path) == render(original, tmp_path)


def test_importing_pulls_in_neither_jinja_nor_matplotlib() -> None:
    code = (
        "import sys, json, harness.report, harness.report.html; "
        "print(json.dumps([name for name in ('jinja2', 'matplotlib', 'PIL', 'torch') "
        "if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_a_missing_extra_is_named_with_its_remedy(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(HarnessError, match=package) as caught:
        write_html(reports.report(), tmp_path)
    assert caught.value.remedy == "pip install 'k210-harness[report]'"
    assert list(tmp_path.iterdir()) == []
