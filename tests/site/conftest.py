"""Stores with some runs of two methods, one of them with a name that is no name."""

import shutil

import pytest

from harness.gate.choose import choose, earlier_runs, run_side
from harness.gate.judge import judge
from harness.gate.thresholds import Thresholds
from harness.site.build import build
from harness.store.baselines import sign_off
from harness.store.database import Store
from harness.store.run_files import read_run
from harness.store.writing import add_gate_result, add_run
from tests.report import reports
from tests.report.test_html import HOSTILE
from tests.store.folders import write_run


@pytest.fixture
def store(tmp_path):
    with Store.open(str(tmp_path / "runs.sqlite"), create=True) as opened:
        yield opened


def put_run(store, folder, name, **changes):
    """Write a run with a picture, and put it into a store."""
    path = write_run(folder, name, **changes)
    (path / "confusion.png").write_bytes(reports.photograph(changes.get("seed", 0), 24))
    add_run(store, read_run(path / "report.json"))


@pytest.fixture
def put(store, tmp_path):
    """Put a run into the store."""
    return lambda name, **changes: put_run(store, tmp_path / "runs" / name, name, **changes)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A store of eight runs, the last of them worse, with a baseline and a hostile method.

    Its site lies beside it.
    """
    folder = tmp_path_factory.mktemp("made")
    with Store.open(str(folder / "runs.sqlite"), create=True) as store:
        for index in range(8):
            created = f"2026-01-{index + 1:02d}T00:00:00+00:00"
            wrong = 0.3 if index == 7 else 0.05
            name = f"run-{index}"
            changes = {"seed": index, "items": 300, "wrong": wrong, "created": created}
            put_run(store, folder / "runs" / name, name, **changes)
        put_run(store, folder / "runs" / "hostile", HOSTILE, method=HOSTILE)
        sign_off(store, "release", "run-0", "ada", "first")
        side = run_side(store, "run-7")
        chosen = choose(store, "release", side)
        earlier = earlier_runs(store, side)
        found = judge(side, chosen.side, Thresholds(), chosen=chosen.how, earlier=earlier)
        document = found.model_dump(mode="json", by_alias=True)
        assert add_gate_result(store, found.run, found.baseline, found.verdict, document)
        build(store, folder / "site")
    return folder


@pytest.fixture
def full(made, tmp_path):
    """A copy of that store."""
    shutil.copyfile(made / "runs.sqlite", tmp_path / "full.sqlite")
    with Store.open(str(tmp_path / "full.sqlite")) as opened:
        yield opened
