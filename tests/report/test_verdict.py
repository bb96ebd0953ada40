from __future__ import annotations

import math

import pytest

from harness.report.board_name import with_named_board
from harness.report.schema import BoardRecord, DataRecord
from harness.report.verdict import judge, limits
from tests.report import reports


def test_a_pass_names_method_data_and_figures() -> None:
    verdict = judge(reports.report())
    assert verdict.state == "pass"
    assert verdict.sentence == (
        "On 400 items of euro_coins, coin_classifier does in nncase's K210 simulator what it does "
        "in PyTorch, within tolerance: accuracy 0.9725 (float) → 0.9750 (nncase), "
        "top‑1 agreement 0.9875, cosine 0.9987."
    )


def test_a_failure_names_only_the_backend_that_failed() -> None:
    run = reports.failing_report(
        comparisons=(reports.broken_comparison(), reports.comparison(candidate="kpu"))
    )
    verdict = judge(run)
    assert verdict.state == "fail"
    assert "does not do in nncase's K210 simulator what it does in PyTorch:" in verdict.sentence
    assert "cosine 0.9412 (nncase), 0.9987 (kpu)" in verdict.sentence
    assert [one.candidate for one in verdict.failures] == ["nncase"]


def test_without_a_limit_nothing_is_called_a_pass() -> None:
    unjudged = reports.comparison(within_tolerance=None, tolerance={})
    verdict = judge(reports.report(comparisons=(unjudged,)))
    assert verdict.state == "unjudged"
    assert "no limit was set to judge it by" in verdict.sentence


def test_one_backend_is_compared_with_nothing() -> None:
    run = reports.report(
        comparisons=(),
        backends={"float": reports.backend(None)},
        data=DataRecord(source="", items=1),
    )
    assert judge(run).sentence == (
        "On 1 item, coin_classifier ran on one backend only, so nothing was compared."
    )


def test_of_several_outputs_the_worst_is_told() -> None:
    outputs = (
        reports.comparison(output="a", cosine=0.999, max_abs=0.1, tolerance={"max_abs": 1.0}),
        reports.comparison(output="b", cosine=0.991, max_abs=0.7, tolerance={"max_abs": 1.0}),
    )
    sentence = judge(reports.report(comparisons=outputs)).sentence
    assert "cosine 0.9910, largest difference 0.7000." in sentence


def test_an_output_that_is_not_judged_by_its_largest_value_is_not_told_by_it() -> None:
    outputs = (
        reports.comparison(output="scores", top1_agreement=0.98, tolerance={"top1_agreement": 0.9}),
        reports.comparison(output="code", top1_agreement=0.4, tolerance={"cosine": 0.9}),
        reports.comparison(output="picture", top1_agreement=None, tolerance={"cosine": 0.9}),
    )
    assert (
        "top\N{NON-BREAKING HYPHEN}1 agreement 0.9800"
        in judge(reports.report(comparisons=outputs)).sentence
    )


def test_what_is_not_a_number_is_worse_than_any_number() -> None:
    outputs = (reports.comparison(cosine=math.nan), reports.comparison(output="b", cosine=-0.5))
    assert "cosine not a number" in judge(reports.report(comparisons=outputs)).sentence


def test_limits_say_their_sense_and_what_would_pass() -> None:
    found = limits(
        reports.comparison(
            snr_db=12.0,
            tolerance={"cosine": 0.99, "max_abs": 0.5, "snr_db": 20.0},
            tolerance_that_would_pass={"max_abs": 0.9124, "snr_db": 12.0},
        )
    )
    assert [limit.limit for limit in found.values()] == ["≥\xa00.99", "≤\xa00.5", "≥\xa020"]
    assert [limit.broken for limit in found.values()] == [False, True, True]
    assert found["max_abs"].would_pass == "0.9124"
    assert found["snr_db"].found == "12.0 dB"


@pytest.mark.parametrize("kind", ["virtual", "remote", "real"])
def test_a_board_is_never_just_a_board(kind) -> None:
    board = BoardRecord(kind=kind, firmware="f", port="p", kmodel="v4", inputs="raw tensors")
    report = reports.report(comparisons=(reports.comparison(candidate="board"),), board=board)
    assert f"on a {kind} board" in judge(with_named_board(report)).sentence
