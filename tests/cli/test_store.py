"""Runs go into a store, out of it and under a name by the command line."""

import json
from xml.etree import ElementTree

import pytest

from tests.store.folders import write_run


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("K210_STORE", raising=False)
    for index, name in enumerate(("one", "two")):
        write_run(tmp_path / "runs" / name, f"{name}-{index}", seed=index)
    return tmp_path


def test_runs_are_imported_listed_and_named(here, k210_command):
    done = k210_command("store", "import", "runs", "--json").json()
    assert [one["outcome"] for one in done["runs"]] == ["added", "added"]
    assert "2 unchanged" in k210_command("store", "import", "runs").out
    named = k210_command("baseline", "set", "release", "one", "--who", "ada", "--why", "first")
    assert named.code == 0
    listed = k210_command("store", "list", "--json").json()["runs"]
    assert [(one["run"], one["baselines"]) for one in listed] == [
        ("one-0", ["release"]),
        ("two-1", []),
    ]
    assert "ada" in k210_command("baseline", "list").out
    assert "release" in k210_command("store", "list").out


def test_exports_go_to_a_file_or_to_standard_output(here, k210_command):
    k210_command("store", "import", "runs")
    lines = k210_command("store", "export", "--to", "jsonl").out.splitlines()
    assert [json.loads(line)["run_id"] for line in lines] == ["one-0", "two-1"]
    assert k210_command("store", "export", "--to", "junit", "--out", "junit.xml").code == 0
    assert ElementTree.parse(here / "junit.xml").getroot().get("tests") == "2"


@pytest.mark.parametrize(
    "arguments",
    [
        ["store", "list"],
        ["store", "import", "nowhere"],
        ["store", "export", "--to", "mlflow"],
        ["store", "list", "--store", "mysql://a/b"],
        ["baseline", "list"],
        ["baseline", "set", "release", "one", "--who", "a", "--why", "b"],
    ],
)
def test_what_cannot_be_done_is_one_line_and_makes_nothing(here, k210_command, arguments):
    before = sorted(here.iterdir())
    k210_command(*arguments).error_line()
    assert sorted(here.iterdir()) == before
