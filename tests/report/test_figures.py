from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from harness.report import figures
from harness.report.schema import LatencyRecord
from tests.report import reports

SVG = "{http://www.w3.org/2000/svg}"


def latency(*names: str) -> ET.Element:
    records = {
        name: LatencyRecord(p50=3.0 * (index + 1), p95=4.0 * (index + 1), p99=80.0, n=99)
        for index, name in enumerate(names)
    }
    return ET.fromstring(figures.latency(records))


def words(root: ET.Element) -> list[str]:
    return ["".join(text.itertext()).strip() for text in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", ["<b>&", "$\\frac{", "board (virtual)"])
def test_names_are_text_as_they_are(name: str) -> None:
    assert name in words(latency("float", name))


def test_colours_come_from_the_page() -> None:
    source = ET.tostring(latency("float", "nncase"), encoding="unicode")
    assert "currentColor" in source
    assert "var(--accent)" in source
    assert "#0102" not in source


def test_the_figure_takes_its_width_from_the_page_and_is_described() -> None:
    root = latency("float")
    assert {"width", "height"}.isdisjoint(root.attrib)
    assert "viewBox" in root.attrib
    assert root.get("role") == "img"
    assert "Latency" in root.get("aria-label", "")


def test_every_reference_leads_to_an_element_of_the_same_figure() -> None:
    for source in (
        figures.cross_validation(reports.cross_validation()),
        ET.tostring(latency("float", "nncase"), encoding="unicode"),
    ):
        root = ET.fromstring(source)
        ids = {element.get("id") for element in root.iter()}
        targets = {
            element.get("{http://www.w3.org/1999/xlink}href", "").removeprefix("#")
            for element in root.iter(f"{SVG}use")
        }
        clips = {element.get("clip-path", "url(#)")[5:-1] for element in root.iter()} - {""}
        assert targets
        assert clips
        assert targets | clips <= ids


@pytest.mark.parametrize("milliseconds", [0.0021, 2.2, 3.1, 4.9, 870.0])
def test_even_a_single_item_has_a_scale_to_be_read_by(milliseconds: float) -> None:
    record = LatencyRecord(p50=milliseconds, p95=milliseconds, p99=milliseconds, n=1)
    root = ET.fromstring(figures.latency({"float": record}))
    assert len([word for word in words(root) if word.replace(".", "").isdigit()]) >= 2


def test_folds_of_a_backend_that_is_missing_some_can_be_drawn() -> None:
    record = reports.cross_validation().model_copy(update={"fold_accuracy": {}, "intervals": {}})
    assert {"float", "nncase"} <= set(words(ET.fromstring(figures.cross_validation(record))))


def test_the_users_own_plot_settings_change_nothing() -> None:
    import matplotlib

    before = figures.cross_validation(reports.cross_validation())
    with matplotlib.rc_context({"svg.fonttype": "path", "figure.facecolor": "pink"}):
        assert figures.cross_validation(reports.cross_validation()) == before
        assert matplotlib.rcParams["svg.fonttype"] == "path"
