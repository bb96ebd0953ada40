"""A report counts by outcome and by package; what never ends is found, too."""

from tests.mutants.report import summary


def row(path, outcome):
    return {"path": path, "outcome": outcome, "seconds": 2.0}


def test_a_timeout_counts_as_found():
    rows = [row("harness/kmodel/a.py", "killed"), row("harness/kmodel/v5/b.py", "survived")]
    rows += [row("harness/data/c.py", "timeout"), row("harness/kmodel/a.py", "killed")]
    found = summary(rows)
    assert found["found"] == 0.75
    assert found["outcomes"] == {"killed": 2, "survived": 1, "timeout": 1}
    assert found["rooms"] == {
        "harness/data": {"mutants": 1, "found": 1.0},
        "harness/kmodel": {"mutants": 3, "found": 0.6667},
    }
    assert found["seconds_mean"] == 2.0
