"""What is handed on is what other programs read: JSON, JUnit's schema, MLflow itself."""

import json
from xml.etree import ElementTree

import pytest

from harness.errors import StoreError
from harness.report.schema import Report
from harness.store.export import jsonl, junit, mlflow
from harness.store.run_files import read_run
from harness.store.writing import add_run
from tests.report import reports
from tests.store.folders import write_run


@pytest.fixture
def kept(store, tmp_path):
    for seed in range(3):
        folder = write_run(tmp_path / f"r{seed}", f"r{seed}", seed=seed)
        (folder / "confusion.png").write_bytes(reports.photograph(seed, 16))
        add_run(store, read_run(folder / "report.json"))
    return store


def test_json_lines_hold_whole_reports(kept):
    found = [json.loads(line) for line in jsonl.lines(kept)]
    assert [Report.model_validate(one).run_id for one in found] == ["r0", "r1", "r2"]
    assert all(one["data_set"] for one in found)


def test_junit_counts_what_failed():
    text = junit.document([reports.report(), reports.failing_report(), reports.image_report()])
    root = ElementTree.fromstring(text)
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("4", "1", "1")
    (failure,) = root.iter("failure")
    assert "cosine 0.99" in failure.get("message")
    for suite in root:
        assert int(suite.get("tests")) == len(suite.findall("testcase"))


def test_mlflow_gets_every_run_once_with_figures_and_pictures(kept, tmp_path):
    client_of = pytest.importorskip("mlflow").MlflowClient
    uri = f"sqlite:///{tmp_path}/ml.db"
    assert mlflow.export(kept, uri) == (3, 0)
    assert mlflow.export(kept, uri) == (0, 3)
    client = client_of(uri)
    (experiment,) = [
        one for one in client.search_experiments() if one.name == "k210 coin_classifier"
    ]
    runs = client.search_runs([experiment.experiment_id])
    wanted = {line["run_id"]: line["backends"] for line in map(json.loads, jsonl.lines(kept))}
    for run in runs:
        backends = wanted[run.info.run_name]
        assert run.data.metrics["nncase/accuracy"] == backends["nncase"]["metrics"]["accuracy"]
        names = {file.path for file in client.list_artifacts(run.info.run_id)}
        assert names == {"confusion.png", "report.json"}
    assert {path.name for path in tmp_path.iterdir()} >= {"ml.db", "ml.artefacts"}


def test_an_mlflow_that_is_not_there_is_one_line(kept, tmp_path):
    pytest.importorskip("mlflow")
    with pytest.raises(StoreError, match="refuses"):
        mlflow.export(kept, f"nonsense://{tmp_path}")
