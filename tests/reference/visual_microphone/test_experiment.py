"""The sweep goes on where it was; its results are on the page, and show what the page says."""

from __future__ import annotations

import json

import numpy as np
import pytest

from reference.visual_microphone import experiment
from tests.docs.examples import REPOSITORY

RESULTS = REPOSITORY / "docs" / "methods" / "visual_microphone.json"
PAGE = REPOSITORY / "docs" / "methods" / "visual_microphone.md"


@pytest.fixture(scope="module")
def rows():
    return json.loads(RESULTS.read_text())["rows"]


def test_the_page_shows_the_results_that_lie_beside_it(rows):
    page = PAGE.read_text()
    for line in (*experiment.table(rows), *experiment.speech_table(rows)):
        assert line in page
    for side in experiment.SIDES:
        assert f"{experiment.summary(rows)[f'side {side}'][0]:.1f}" in page


@pytest.mark.parametrize("case", experiment.CASES, ids=lambda case: case.name)
def test_what_is_heard_is_what_was_heard_before(rows, case):
    """Within 1 dB above the noise; below it, within the scatter of single films."""
    mean, spread = experiment.summary(rows)[case.name]
    films = [row for row in rows if row["scene"] == case.name]
    assert len(films) >= 10
    assert mean == pytest.approx(case.expected, abs=1 if case.expected > 0 else max(1, spread))


def test_the_laws_of_motion_noise_and_size_hold(rows):
    found = {scene: mean for scene, (mean, _) in experiment.summary(rows).items()}
    clear, faint = found["0.1 px, noise 0.01"], found["0.01 px, noise 0.01"]
    assert clear - faint == pytest.approx(20, abs=1)
    assert found["0.01 px, noise 0.001"] - faint == pytest.approx(20, abs=1)
    sides = [found[f"side {side}"] for side in experiment.SIDES]
    assert np.diff(sides) == pytest.approx(6.02, abs=0.5)
    for side, earlier in experiment.SIDES.items():
        assert found[f"side {side}"] == pytest.approx(earlier, abs=1)


def test_filters_hear_no_less_than_the_pyramid_where_it_hears_anything(rows):
    pyramid, filters = (experiment.summary(rows, key) for key in ("snr_db", "filters_snr_db"))
    for case in experiment.CASES:
        if case.noise and case.expected > 0:
            assert filters[case.name][0] > pyramid[case.name][0] - 1


def test_more_motion_is_understood_better(rows):
    for name in ("spoken", "syllables"):
        found = [
            row["recovered"]
            for motion in experiment.SPEECH_MOTIONS
            for row in rows
            if row["scene"] == f"{name}, {motion:g} px"
        ]
        assert len(found) == 3
        for measure, better in (("snr_db", 1), ("ssnr_db", 1), ("stoi", 1), ("llr", -1)):
            assert (better * np.diff([one[measure] for one in found]) < 0).all()


def test_a_sweep_goes_on_where_it_was(tmp_path, monkeypatch):
    measured = []

    def measure(case, seed, texture=experiment.TEXTURE):
        measured.append((case.name, seed, texture))
        scene = case.name + (experiment.ANY if texture != experiment.TEXTURE else "")
        return {"scene": scene, "seed": seed, "snr_db": 1.0}

    monkeypatch.setattr(experiment, "hear_case", measure)
    monkeypatch.setattr(experiment, "SIDES", {})
    monkeypatch.setattr(experiment, "SPEECH_MOTIONS", ())
    path = tmp_path / "results.json"
    experiment.sweep(path, [0])
    assert len(measured) == 2 * len(experiment.CASES)
    first = json.loads(path.read_text())["rows"]
    experiment.sweep(path, [0, 1])
    assert len(measured) == 4 * len(experiment.CASES)
    assert json.loads(path.read_text())["rows"][: len(first)] == first


def test_a_film_measured_now_is_that_of_the_results(rows):
    case = experiment.CASES[0]
    (kept,) = [row for row in rows if (row["scene"], row["seed"]) == (case.name, 0)]
    found = experiment.hear_case(case, 0)
    for key in ("snr_db", "filters_snr_db", "many_bands_snr_db"):
        assert found[key] == pytest.approx(kept[key], abs=0.05)


@pytest.mark.slow
def test_speech_measured_now_is_that_of_the_results(rows):
    name = "syllables, 0.1 px"
    (kept,) = [row for row in rows if row["scene"] == name]
    found = experiment.hear_speech("syllables", 0.1, 0)
    for kind in ("recovered", "denoised"):
        assert found[kind] == pytest.approx(kept[kind], abs=0.05)
