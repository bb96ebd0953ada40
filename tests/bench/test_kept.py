"""Benchmarks are kept by time and processor, and a ratio that fell is named."""

import json

import pytest

from harness.bench import kept
from harness.errors import UsageError

HERE = {"processor": "one"}


def row(**values):
    return {"name": "put", "kb_per_s": 1.0} | values


def test_the_last_of_the_same_processor_is_found(tmp_path):
    for moment, processor, value in (
        ("2026-01", "one", 1),
        ("2026-02", "one", 2),
        ("2026-03", "x", 3),
    ):
        document = {"machine": {"processor": processor}, "rows": [row(ratio_mpremote=value)]}
        (tmp_path / f"{moment}.json").write_text(json.dumps(document))
    assert kept.last(tmp_path, HERE) == [row(ratio_mpremote=2)]
    assert kept.last(tmp_path, {"processor": "none"}) is None
    assert kept.last(tmp_path / "nowhere", HERE) is None
    path = kept.keep(tmp_path, HERE, [row(ratio_mpremote=4)])
    assert kept.last(tmp_path, HERE) == [row(ratio_mpremote=4)]
    assert path.parent == tmp_path


@pytest.mark.parametrize(
    ("field", "before", "after", "worse"),
    [
        ("ratio_nncase", 30, 23, True),
        ("ratio_nncase", 30, 25, False),
        ("ratio_nncase", 30, 60, False),
        ("line_rate_share", 1.2, 0.9, True),
        ("ratio", 1.0, 1.3, True),
        ("ratio", 1.0, 0.5, False),
    ],
)
def test_what_fell_by_more_than_a_fifth_is_worse(field, before, after, worse):
    (change,) = kept.changes([row(**{field: before})], [row(**{field: after})])
    assert change.is_worse is worse


def test_only_ratios_of_both_are_compared():
    old, new = [row(ratio_a=1, seconds=2)], [row(ratio_a=1, ratio_b=2, seconds=9, ratio_c=None)]
    assert [one.field for one in kept.changes(old, new)] == ["ratio_a"]


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "2026.json").write_text("{")
    with pytest.raises(UsageError, match=r"2026\.json"):
        kept.last(tmp_path, HERE)
