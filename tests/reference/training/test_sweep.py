"""A sweep keeps each row at once, goes on where it was, and says means and spreads."""

import json

import numpy as np
import pytest

from reference.training.sweep import (
    SEEDS,
    arguments,
    cell,
    measure_missing,
    rounded,
    spread,
    summary,
)

WANTED = [("full", 0), ("plain", 0), ("full", 1)]


def row(variant, seed, value=0.5):
    return {"variant": variant, "seed": seed, "metrics": {"a": value, "b": 2 * value}}


def test_a_sweep_that_was_cut_goes_on_where_it_was(tmp_path, capsys):
    path, measured = tmp_path / "results.json", []

    def measure(variant, seed):
        if len(measured) == 2:
            measured.append(None)
            raise KeyboardInterrupt
        measured.append((variant, seed))
        return row(variant, seed)

    def document(rows):
        return {"note": "n", "rows": rows}

    with pytest.raises(KeyboardInterrupt):
        measure_missing(path, WANTED, measure, document)
    assert json.loads(path.read_text()) == {"note": "n", "rows": [row(*one) for one in WANTED[:2]]}
    measure_missing(path, WANTED, measure, document)
    assert [one for one in measured if one] == WANTED
    assert [json.loads(line) for line in capsys.readouterr().err.splitlines()] == [
        row(*one) for one in WANTED
    ]
    before = path.stat().st_mtime_ns
    measure_missing(path, WANTED, measure, document)
    assert path.stat().st_mtime_ns == before


def test_a_row_may_call_its_variant_otherwise(tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"rows": [{"scene": "s", "seed": 0}]}))
    measured = []
    measure_missing(
        path,
        [("s", 0), ("t", 0)],
        lambda scene, seed: measured.append(scene) or {"scene": scene, "seed": seed},
        lambda rows: {"rows": rows},
        key="scene",
    )
    assert measured == ["t"]


def test_means_and_spreads_by_hand():
    rows = [row("full", seed, value) for seed, value in enumerate((1.0, 2.0, 6.0))]
    found = summary([*rows, row("plain", 0, 0.25)])
    assert found["full"]["a"] == (3, pytest.approx(np.std([1, 2, 6], ddof=1)))
    assert found["full"]["b"][0] == 6
    assert found["plain"] == {"a": (0.25, 0.0), "b": (0.5, 0.0)}
    assert spread([0.1]) == (0.1, 0.0)
    assert (cell(0.25, 0.125), cell(0.25, 0, alone=True)) == ("0.250 ± 0.125", "0.250")
    assert cell(1.26, 0.04, digits=1) == "1.3 ± 0.0"
    assert rounded({"a": 1 / 3}) == {"a": 0.333333}


def test_a_command_line_knows_variants_and_seeds(monkeypatch, capsys):
    parser = arguments("text", {"full": 1, "plain": 2})
    given = parser.parse_args(["--out", "x.json"])
    assert (given.variants, tuple(given.seeds), given.threads) == (["full", "plain"], SEEDS, 1)
    with pytest.raises(SystemExit):
        parser.parse_args(["--out", "x.json", "--variants", "half"])
    assert "half" in capsys.readouterr().err
