"""A run against a baseline, from run folders as `k210 run` writes them."""

import json

import numpy as np
import pytest

from harness.errors import GateError
from harness.gate.judge import judge
from harness.gate.markdown import summary
from harness.gate.side import from_folder
from harness.gate.thresholds import Thresholds, read_thresholds
from tests.store.folders import write_run


@pytest.fixture
def two(tmp_path):
    """A baseline and a run over the same 400 items, as bad as is asked for."""

    def write(wrong=0.05, items=400, **changes):
        before = write_run(tmp_path / "before", "before", seed=1, items=items, wrong=0.05)
        after = write_run(tmp_path / "after", "after", seed=2, items=items, wrong=wrong, **changes)
        return from_folder(after), from_folder(before)

    return write


def test_a_run_compared_with_itself_passes(tmp_path):
    side = from_folder(write_run(tmp_path / "a", "a", items=400))
    found = judge(side, side, Thresholds())
    assert (found.verdict, found.enough_data) == ("pass", True)
    assert {one.reason for one in found.metrics} == {"no item changed"}
    assert (found.items, found.differences, found.layers) == ((), (), ())


def test_a_worse_run_fails_with_numbers_and_items(two):
    found = judge(*two(wrong=0.25), Thresholds())
    assert found.verdict == "fail"
    worst = next(one for one in found.metrics if one.metric == "accuracy")
    assert worst.change < -0.1
    assert worst.interval[1] < 0
    assert worst.p < worst.alpha
    assert {item.backend for item in found.items} == {"float", "nncase"}
    assert all(item.before == item.label != item.after for item in found.items)


def test_few_images_are_not_enough_data_and_that_is_said(two):
    found = judge(*two(items=30), Thresholds())
    assert (found.verdict, found.enough_data) == ("not enough data", False)
    reason = next(one.reason for one in found.metrics if one.verdict == "not enough data")
    assert "30 items: only" in reason
    assert "items would show a loss of 5%" in reason


def test_scores_are_enough_where_a_loss_that_matters_is_ruled_out(tmp_path):
    side = from_folder(write_run(tmp_path / "a", "a", items=60))
    found = {one.metric: one.verdict for one in judge(side, side, Thresholds()).metrics}
    assert found == {"accuracy": "not enough data", "cosine to float: logits": "pass"}
    few = from_folder(write_run(tmp_path / "b", "b", items=12))
    assert "12 items" in judge(few, few, Thresholds()).metrics[-1].reason


def test_a_limit_puts_up_with_a_loss(two):
    sides = two(wrong=0.25)
    kind = {"metrics": {"accuracy": {"better": "higher", "limit": 0.5}}, "fidelity_limit": 2}
    found = judge(*sides, Thresholds.model_validate(kind))
    assert found.verdict == "pass"
    assert any("within the limit of 0.5" in one.reason for one in found.metrics)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data_seed": 7}, "400 with other bytes"),
        ({"items": 300}, "300 items against 400"),
        ({"method": "dtn"}, "ran dtn"),
    ],
)
def test_another_data_set_is_refused_and_the_difference_is_said(tmp_path, changes, said):
    before = from_folder(write_run(tmp_path / "before", "before", items=400))
    after = from_folder(write_run(tmp_path / "after", "after", **({"items": 400} | changes)))
    with pytest.raises(GateError, match=said):
        judge(after, before, Thresholds())


def test_a_label_that_changed_is_named(tmp_path):
    before = write_run(tmp_path / "before", "before")
    after = write_run(tmp_path / "after", "after")
    lines = [json.loads(line) for line in (after / "items.jsonl").read_text().splitlines()]
    lines[3]["label"] = "other"
    (after / "items.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(GateError, match=r"1 with another label \(3.jpg\)"):
        judge(from_folder(after), from_folder(before), Thresholds())


def test_outputs_that_are_no_numbers_any_more_fail(tmp_path):
    before = from_folder(write_run(tmp_path / "before", "before", items=400))
    folder = write_run(tmp_path / "after", "after", items=400)
    path = folder / "outputs" / "nncase" / "logits.npy"
    logits = np.load(path)
    logits[5:7] = np.nan
    np.save(path, logits)
    found = judge(from_folder(folder), before, Thresholds())
    assert found.verdict == "fail"
    assert "2 items have no number any more" in {one.reason for one in found.metrics}


def test_markdown_says_it_all_and_breaks_at_no_name(two):
    text = summary(judge(*two(wrong=0.25), Thresholds()))
    assert text.startswith("## ❌ fail: after against before")
    rows = [line for line in text.splitlines() if line.startswith("| ❌")]
    assert rows
    assert {row.count(" | ") for row in rows} == {6}
    assert "items that became wrong" in text


def test_thresholds_are_read_to_the_last_word(tmp_path):
    path = tmp_path / "gate.toml"
    path.write_text(
        "false_alarm = 0.02\n"
        '[metrics.accuracy]\nbetter = "higher"\nlimit = 0.01\n'
        '[methods.simgan.metrics.gaze_error_deg]\nbetter = "lower"\nlimit = 0.2\n'
        '[methods.dtn.latency]\nbackends = ["kpu"]\nlimit = 0.1\n'
    )
    found = read_thresholds(path)
    assert found.rule("dtn", "accuracy").limit == 0.01
    assert found.rule("simgan", "gaze_error_deg").better == "lower"
    assert found.rule("dtn", "f_error").better == "lower"
    assert found.rule("dtn", "within_7_deg").better == "higher"
    assert found.latency_rule("dtn").backends == ("kpu",)
    assert found.latency_rule("simgan").backends == ("board",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("false_alarm = 2\n", "false_alarm"),
        ("[metrics.accuracy]\nbeter = 'higher'\n", "metrics.accuracy"),
        ("[latency]\nlimit = -1\n", "latency.limit"),
        ("not toml", "no TOML"),
    ],
)
def test_a_threshold_that_means_nothing_is_named(tmp_path, text, said):
    path = tmp_path / "gate.toml"
    path.write_text(text)
    with pytest.raises(GateError, match=said):
        read_thresholds(path)
    with pytest.raises(GateError, match="cannot be read"):
        read_thresholds(tmp_path / "none.toml")
