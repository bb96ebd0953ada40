"""A baseline is signed off, never moved silently, and its line of sign-offs is kept."""

import pytest

from harness.errors import StoreError
from harness.store import baselines
from harness.store.run_files import read_run
from harness.store.writing import add_run
from tests.store.folders import write_run


@pytest.fixture
def kept(any_store, tmp_path):
    for name, method in (("one", "coins"), ("two", "coins"), ("eyes", "simgan")):
        folder = write_run(tmp_path / name, name, seed=len(name), method=method)
        add_run(any_store, read_run(folder / "report.json"))
    baselines.sign_off(any_store, "release", "one", "ada", "shipped")
    return any_store


def test_a_name_stands_for_what_was_signed_off(kept):
    found = baselines.named(kept, "release")
    assert (found.run_id, found.who, found.why) == ("one", "ada", "shipped")


def test_a_name_is_not_moved_silently(kept):
    with pytest.raises(StoreError, match=r"stands for one: ada, shipped → say --move"):
        baselines.sign_off(kept, "release", "two", "bob", "newer")
    assert baselines.named(kept, "release").run_id == "one"


def test_a_move_that_is_said_keeps_the_line(kept):
    baselines.sign_off(kept, "release", "two", "bob", "newer", move=True)
    assert baselines.named(kept, "release").run_id == "two"
    line = baselines.history(kept, "release")
    assert [(one.run_id, one.who) for one in line] == [("one", "ada"), ("two", "bob")]
    assert [one.run_id for one in baselines.current(kept)] == ["two"]


def test_a_name_keeps_its_method(kept):
    with pytest.raises(StoreError, match="is for coins, and eyes ran simgan"):
        baselines.sign_off(kept, "release", "eyes", "bob", "x", move=True)


@pytest.mark.parametrize(("who", "why"), [("", "x"), ("ada", " ")])
def test_a_sign_off_has_a_person_and_a_reason(kept, who, why):
    with pytest.raises(StoreError, match="a baseline needs a"):
        baselines.sign_off(kept, "other", "one", who, why)


def test_what_nobody_signed_is_not_there(kept):
    with pytest.raises(StoreError, match=r"no baseline 'relaese' → there are: release"):
        baselines.named(kept, "relaese")
