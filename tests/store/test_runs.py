"""A run goes in whole, once, and comes out as it went in; on SQLite and on PostgreSQL."""

import json
import math
import shutil

import numpy as np
import pytest

from harness.errors import RunFolderError, StoreError
from harness.report.schema import read_report
from harness.store import reading
from harness.store.run_files import find_runs, read_run
from harness.store.writing import add_run
from tests.report import reports
from tests.store.folders import write_run


@pytest.fixture
def folder(tmp_path):
    return write_run(tmp_path / "coins", "coins-11111111")


def test_a_run_comes_out_as_it_went_in(any_store, folder):
    files = read_run(folder / "report.json")
    assert add_run(any_store, files) == "added"
    assert reading.report(any_store, "coins-11111111") == read_report(folder)
    assert reading.items(any_store, "coins-11111111") == files.items
    (line,) = reading.runs(any_store)
    metrics = files.report.backends["nncase"].metrics
    assert line.metrics["nncase", "accuracy"] == metrics["accuracy"]
    assert line.latency_ms == {"float": 3.2, "nncase": 3.2}
    assert line.data_set == files.items.fingerprint


def test_a_run_goes_in_once(any_store, folder):
    files = read_run(folder / "report.json")
    assert [add_run(any_store, files) for _ in range(3)] == ["added", "unchanged", "unchanged"]
    assert len(reading.runs(any_store)) == 1


def test_a_run_that_was_blamed_since_is_brought_up_to_date(any_store, folder):
    add_run(any_store, read_run(folder / "report.json"))
    report = read_report(folder).model_copy(update={"verdict": "fail"})
    report.write(folder)
    assert add_run(any_store, read_run(folder / "report.json")) == "updated"
    (line,) = reading.runs(any_store)
    assert line.verdict == "fail"
    assert reading.items(any_store, line.run_id) == read_run(folder / "report.json").items


def test_another_run_of_the_same_name_is_refused_and_nothing_changes(any_store, folder, tmp_path):
    add_run(any_store, read_run(folder / "report.json"))
    other = write_run(tmp_path / "b", "coins-11111111", seed=3, created="2026-02-02T00:00:00+00:00")
    with pytest.raises(StoreError, match="another run named coins-11111111"):
        add_run(any_store, read_run(other / "report.json"))
    assert reading.report(any_store, "coins-11111111") == read_report(folder)


def test_runs_over_the_same_items_share_a_data_set_and_others_do_not(any_store, tmp_path):
    for name, data_seed in (("a", 0), ("b", 0), ("c", 1)):
        folder = write_run(tmp_path / name, name, seed=ord(name), data_seed=data_seed)
        add_run(any_store, read_run(folder / "report.json"))
    a, b, c = (run.data_set for run in reading.runs(any_store))
    assert a == b != c


def test_pictures_and_hashes_come_along(any_store, folder):
    data = reports.photograph(1, 32)
    (folder / "pictures").mkdir()
    (folder / "pictures" / "0.png").write_bytes(data)
    index = [{"file": "0.png", "caption": "3.jpg", "shows": "x"}]
    (folder / "pictures" / "index.json").write_text(json.dumps(index))
    (folder / "confusion.png").write_bytes(data)
    (folder / "broken.png").write_bytes(data[:40])
    (folder / "model.kmodel").write_bytes(b"abc")
    add_run(any_store, read_run(folder / "report.json"))
    pictures = reading.pictures(any_store, "coins-11111111")
    assert [(one.name, one.caption, one.data) for one in pictures] == [
        ("confusion.png", "confusion", data),
        ("pictures/0.png", "3.jpg", data),
    ]
    (size,) = {entry[1] for entry in reading.artefacts(any_store, "coins-11111111").values()}
    assert size == 3


def test_a_score_that_is_no_number_comes_out_as_none(any_store, folder):
    path = folder / "outputs" / "nncase" / "logits.npy"
    logits = np.load(path)
    logits[4] = np.nan
    np.save(path, logits)
    add_run(any_store, read_run(folder / "report.json"))
    scores = reading.items(any_store, "coins-11111111").scores["nncase"]["cosine to float: logits"]
    assert [index for index, value in enumerate(scores) if math.isnan(value)] == [4]


def test_a_report_by_itself_gives_figures_but_no_items(any_store, folder, tmp_path):
    alone = tmp_path / "kept" / "january.json"
    alone.parent.mkdir()
    shutil.copyfile(folder / "report.json", alone)
    add_run(any_store, read_run(alone))
    assert reading.items(any_store, "coins-11111111") is None
    assert reading.runs(any_store)[0].metrics


def test_a_run_is_found_by_the_beginning_of_its_name(any_store, tmp_path):
    for name in ("coins-1", "coins-2", "eyes-1"):
        add_run(any_store, read_run(write_run(tmp_path / name, name) / "report.json"))
    assert reading.report(any_store, "eyes").run_id == "eyes-1"
    with pytest.raises(StoreError, match="begins 2 runs: coins-1, coins-2"):
        reading.report(any_store, "coins")
    with pytest.raises(StoreError, match=r"no run 'coin-1' → there are: coins-1"):
        reading.report(any_store, "coin-1")


def test_every_run_below_a_folder_is_found(tmp_path):
    for name in ("b", "a/deep"):
        write_run(tmp_path / name, name.replace("/", "-"))
    assert [path.parent.name for path in find_runs(tmp_path)] == ["deep", "b"]
    with pytest.raises(RunFolderError, match=r"no report.json at or below"):
        find_runs(tmp_path / "b" / "outputs")


@pytest.mark.parametrize(
    ("file", "damage", "said"),
    [
        ("items.jsonl", lambda text: text[:-9], "items.jsonl is damaged"),
        ("items.jsonl", lambda text: text.split("\n", 1)[1], "items.jsonl has 39 items"),
        ("report.json", lambda text: text.replace('"schema": 1', '"schema": 9'), "newer"),
    ],
)
def test_a_folder_that_contradicts_itself_is_refused(folder, file, damage, said):
    path = folder / file
    path.write_text(damage(path.read_text()))
    with pytest.raises(RunFolderError, match=said):
        read_run(folder / "report.json")


def test_outputs_of_another_length_are_refused(folder):
    path = folder / "outputs" / "nncase" / "logits.npy"
    np.save(path, np.load(path)[:-1])
    with pytest.raises(RunFolderError, match="shape"):
        read_run(folder / "report.json")
    path.write_bytes(path.read_bytes()[:90])
    with pytest.raises(RunFolderError, match="damaged"):
        read_run(folder / "report.json")
