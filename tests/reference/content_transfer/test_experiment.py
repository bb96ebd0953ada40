"""The experiment in small: what it writes, and what it leaves out."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from reference.content_transfer.experiment import COLUMNS, measure, summary, table
from reference.content_transfer.settings import LEFT_OUT
from tests.reference.content_transfer.conftest import QUICK


@pytest.mark.parametrize("variant", LEFT_OUT)
def test_a_variant_is_trained_and_judged(variant):
    found = measure(variant, 3, QUICK | {"steps": "2"})
    assert (found["variant"], found["seed"]) == (variant, 3)
    assert set(found["metrics"]) >= set(COLUMNS)


def row(variant, seed, value):
    return {"variant": variant, "seed": seed, "metrics": dict.fromkeys(COLUMNS, value)}


def test_the_summary_has_mean_and_deviation_over_the_seeds():
    rows = [row("full", seed, value) for seed, value in enumerate((1.0, 2.0, 6.0))]
    assert summary(rows)["full"]["content_iou"] == (3, pytest.approx(np.std([1, 2, 6], ddof=1)))


def test_the_table_names_what_is_left_out():
    first, second = table([row("full", 0, 0.5), row("no_confusion", 0, 0.25)])
    assert first.startswith("| all | 0.50 ± 0.00 |")
    assert second.startswith("| without L_DC | 0.25 ± 0.00 |")


def test_what_a_file_holds_is_not_done_again(tmp_path):
    out = tmp_path / "figures.json"
    out.write_text('{"rows": [{"variant": "full", "seed": 0}]}')
    command = [sys.executable, "-m", "reference.content_transfer.experiment", "--out", str(out)]
    options = ["--seeds", "0", "--variants", "full"]
    done = subprocess.run([*command, *options], check=True, capture_output=True, text=True)
    assert done.stderr == ""
    assert "summary" not in out.read_text()
