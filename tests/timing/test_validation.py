"""The law against what others measured."""

from dataclasses import replace

import pytest

from harness.timing import boards, tables, validation
from harness.timing.prices import PRICES, SPAN
from harness.timing.published import figures, loops, refused
from harness.timing.validation import all_prices, coverage, held_out
from tests.conftest import REPOSITORY

PAGE = REPOSITORY / "docs" / "prediction.md"
LEFT_OUT = "nncase 77"


@pytest.fixture(scope="module")
def held():
    return held_out()


def test_the_interval_is_at_most_35_percent_wide_and_holds_nine_of_ten(held):
    assert SPAN <= 0.35
    inside, of = coverage(held)
    assert of >= 60
    assert inside / of >= 0.9


def test_the_page_says_whether_the_interval_keeps_its_word(held):
    assert tables.PROMISED == 0.9
    first = tables.document().splitlines()[0]
    inside, of = coverage(held)
    assert f"it keeps its word: it holds {inside} of {of}" in first
    wrong = tuple(replace(one, measured=9 * one.predicted) for one in held[:10])
    assert "it does not keep its word" in tables._answer((*wrong, *held[10:]))


def test_strangers_to_a_network_predict_four_of_five():
    inside, of = coverage(held_out(families=True))
    assert inside / of >= 0.8


def test_the_readme_says_the_same(held):
    inside, of = coverage(held)
    strangers, _ = coverage(held_out(families=True))
    text = " ".join((REPOSITORY / "README.md").read_text().split())
    assert f"of {of}, each predicted without its own source, {inside} lie in the interval" in text
    assert f"and {strangers} without every source that timed the same network" in text


def test_the_page_shows_what_the_code_computes():
    text = PAGE.read_text()
    assert tables.placed(text, tables.document()) == text, f"run {tables.COMMAND}"


def test_prices_are_those_of_the_fit():
    for name, price in all_prices().items():
        assert PRICES[name].ns == pytest.approx(price.ns, rel=0.005), name
    told = loops.frame_clocks(loops.loops(), PRICES)
    assert pytest.approx(told, rel=0.005) == boards.FRAME_CLOCKS


def test_a_source_left_out_is_left_out(held, monkeypatch):
    """A source whose times are made tenfold moves predictions of others, and none of its own."""
    real = figures.figures

    def tenfold(singly=False):
        return [
            replace(one, ms=10 * one.ms) if one.source == LEFT_OUT else one for one in real(singly)
        ]

    monkeypatch.setattr(validation, "figures", tenfold)
    moved = {
        (one.source, one.label): other.predicted / one.predicted
        for one, other in zip(held, held_out(), strict=True)
    }
    own = {label: factor for (source, label), factor in moved.items() if source == LEFT_OUT}
    assert own
    assert list(own.values()) == pytest.approx([1.0] * len(own))
    assert max(moved.values()) > 1.5


def test_every_source_has_a_place():
    assert {one.source for one in figures.figures()} == set(figures.SOURCES)
    assert {one.source for one in loops.loops()} == set(loops.SOURCES)
    assert all(one.reason for one in refused.REFUSED)
