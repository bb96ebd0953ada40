"""`k210 gate` between folders, names and what a store finds by itself."""

import pytest

from harness.report.schema import read_report
from tests.store.folders import write_run


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("K210_STORE", raising=False)
    for index, wrong in enumerate((0.05, 0.05, 0.3)):
        name = f"run{index}"
        created = f"2026-01-0{index + 1}T00:00:00+00:00"
        write_run(tmp_path / name, name, seed=index % 2, items=400, wrong=wrong, created=created)
    return tmp_path


def test_two_folders_need_no_store(here, k210_command):
    ended = k210_command("gate", "run2", "--baseline", "run0", "--json", "--markdown", "s.md")
    assert ended.code == 1
    found = ended.json()
    assert (found["verdict"], found["enough_data"]) == ("fail", True)
    assert "❌" in (here / "s.md").read_text()
    assert read_report(here / "run2").gate == found
    assert k210_command("gate", "run0", "--baseline", "run0").code == 0


def test_a_name_that_was_signed_off_is_the_baseline(here, k210_command):
    k210_command("store", "import", "run0", "run1", "run2")
    k210_command("baseline", "set", "release", "run0", "--who", "ada", "--why", "shipped")
    ended = k210_command("gate", "run2", "--baseline", "release")
    assert ended.code == 1
    assert "signed off by ada: shipped" in ended.out
    assert "auto: baseline release" in k210_command("gate", "run2").out


def test_auto_takes_the_newest_run_before_that_passed(here, k210_command):
    k210_command("store", "import", "run0", "run1", "run2")
    found = k210_command("gate", "run2", "--baseline", "auto", "--json").json()
    assert (found["baseline"], found["chosen"]) == (
        "run1",
        "auto: the newest run before that passed",
    )


def test_few_images_end_with_1_and_say_so(here, k210_command):
    write_run(here / "few", "few", items=20)
    ended = k210_command("gate", "few", "--baseline", "few", "--json")
    assert (ended.code, ended.json()["enough_data"]) == (1, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run2"], "no store"),
        (["run2", "--baseline", "release"], "no store"),
        (["nowhere", "--baseline", "run0"], "no store"),
        (["run2", "--baseline", "run0", "--thresholds", "x.toml"], "x.toml"),
        ([".", "--baseline", "run0"], "holds 3 runs"),
    ],
)
def test_what_cannot_be_judged_is_one_line(here, k210_command, arguments, said):
    assert said in k210_command("gate", *arguments).error_line()


def test_another_data_set_is_refused_with_2(here, k210_command):
    write_run(here / "other", "other", items=400, data_seed=9)
    line = k210_command("gate", "other", "--baseline", "run0").error_line()
    assert "400 with other bytes" in line


def test_a_damaged_or_newer_report_is_refused(here, k210_command):
    path = here / "run2" / "report.json"
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 2', 1))
    assert "newer" in k210_command("gate", "run2", "--baseline", "run0").error_line()
