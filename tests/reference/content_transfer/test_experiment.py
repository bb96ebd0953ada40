"""The experiment in small: what it writes, and what it leaves out."""

from __future__ import annotations

import json

import pytest

from reference.content_transfer.experiment import COLUMNS, measure, sweep, table
from reference.content_transfer.settings import LEFT_OUT
from tests.reference.content_transfer.conftest import QUICK


@pytest.mark.parametrize("variant", LEFT_OUT)
def test_a_variant_is_trained_and_judged(variant):
    found = measure(variant, 3, QUICK | {"steps": "2"})
    assert (found["variant"], found["seed"]) == (variant, 3)
    assert set(found["metrics"]) >= set(COLUMNS)


def row(variant, seed, value):
    return {"variant": variant, "seed": seed, "metrics": dict.fromkeys(COLUMNS, value)}


def test_the_table_names_what_is_left_out():
    first, second = table([row("full", 0, 0.5), row("no_confusion", 0, 0.25)])
    assert first.startswith("| all | 0.50 ± 0.00 |")
    assert second.startswith("| without L_DC | 0.25 ± 0.00 |")


def test_a_sweep_goes_on_where_it_was(tmp_path):
    path, options = tmp_path / "figures.json", QUICK | {"steps": "2"}
    sweep(path, ["no_rec_a"], [0], options)
    first = json.loads(path.read_text())["rows"]
    sweep(path, ["full", "no_rec_a"], [0], options)
    found = json.loads(path.read_text())
    assert [row["variant"] for row in found["rows"]] == ["full", "no_rec_a"]
    assert found["rows"][1:] == first
    assert found["summary"]["full"]["own_guide"] == [found["rows"][0]["metrics"]["own_guide"], 0]
