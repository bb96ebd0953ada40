from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.report import html, views
from harness.report.contract_view import calibration_rows, contract_rows
from harness.report.views import Cell
from tests.report import reports

Colour = tuple[float, float, float]


def test_rows_are_normalised_and_an_empty_class_is_no_division_by_zero() -> None:
    matrix = views.confusions(
        reports.report(backends={"float": reports.backend(((3, 1), (0, 0)))})
    )[0]
    assert [[cell.share for cell in row] for row in matrix.rows] == [[0.75, 0.25], [0, 0]]
    assert matrix.recall == (0.75, None)


def test_operations_are_parted_by_unit_and_moves_stand_apart() -> None:
    placement = views.placement(reports.operations())
    assert [len(group) for group in (placement.kpu, placement.cpu, placement.glue)] == [26, 2, 3]
    assert {one.unit for one in placement.kpu} == {"KPU"}


def test_contract_is_told_in_words() -> None:
    rows = contract_rows(reports.CONTRACT)
    assert rows["Picture"] == "128 × 128 pixels, RGB"
    assert rows["Bytes"] == "uint8, NCHW, shape [1, 3, 128, 128]"
    assert "mean 0.485, 0.456, 0.406; std 0.229, 0.224, 0.225" in rows["Normalisation"]
    assert rows["Seeds training"] == "0"
    assert calibration_rows(reports.CONTRACT)["Images"] == "64"


def test_fields_of_later_versions_are_shown_too() -> None:
    rows = contract_rows(
        {**reports.CONTRACT, "firmware": {"name": "maixpy", "loads": ["v3", "v4"]}}
    )
    assert rows["Firmware name"] == "maixpy"
    assert rows["Firmware loads"] == "v3, v4"


def test_a_model_without_normalisation_says_so() -> None:
    plain = {**reports.CONTRACT["input"], "mean": [0, 0, 0], "std": [1, 1, 1]}
    assert contract_rows({"name": "x", "input": plain})["Normalisation"] == "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_counts_can_be_read_on_every_shade(scheme: str) -> None:
    colours = _palette(scheme)
    for step in range(1001):
        cell = Cell(1, step / 1000)
        ground = _mix(colours["ramp"], colours["paper"], cell.share)
        text = colours["on-strong" if cell.strong else "on-weak"]
        assert _contrast(text, ground) >= 4.5, cell.share


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "muted", "accent", "good", "bad"])
def test_text_can_be_read(scheme: str, name: str) -> None:
    colours = _palette(scheme)
    assert _contrast(colours[name], colours["paper"]) >= 4.5


def _palette(scheme: str) -> dict[str, Colour]:
    style = Path(html.__file__).with_name("templates").joinpath("style.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    pairs = re.findall(r"--([\w-]+): ([^;]+);", light if scheme == "light" else dark)
    return {name: _colour(value) for name, value in pairs}


def _colour(value: str) -> Colour:
    if value.startswith("#"):
        return tuple(int(value[at : at + 2], 16) for at in (1, 3, 5))  # type: ignore[return-value]
    return tuple(float(part) for part in value.split())  # type: ignore[return-value]


def _mix(top: Colour, bottom: Colour, share: float) -> Colour:
    return tuple(a * share + b * (1 - share) for a, b in zip(top, bottom, strict=True))  # type: ignore[return-value]


def _contrast(first: Colour, second: Colour) -> float:
    """Contrast ratio of WCAG 2."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Colour) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
