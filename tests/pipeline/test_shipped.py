"""Weights that come with a method are taken only where nothing else was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.method import Shipping, TrainJob
from harness.pipeline.method_run import MethodRun, _shipped
from harness.pipeline.run import RunRequest
from reference.coin_classifier import METHOD as COINS
from reference.shipped import weights_file


class WithWeights(type(COINS)):
    def shipped(self) -> Path:
        return Path("weights.safetensors")


def run_of(method, **changes) -> MethodRun:
    return MethodRun(method, TrainJob(out=Path("run"), **changes), RunRequest(method="any"))


def test_a_plain_run_takes_the_weights_that_come_with_the_method():
    assert isinstance(WithWeights(), Shipping)
    assert _shipped(run_of(WithWeights())) == Path("weights.safetensors")
    assert _shipped(run_of(WithWeights(), device="cuda")) == Path("weights.safetensors")


@pytest.mark.parametrize(
    "asked",
    [{"data": Path("mine")}, {"seed": 1}, {"epochs": 3}, {"options": {"width": "8"}}],
)
def test_any_wish_about_the_training_trains(asked):
    assert _shipped(run_of(WithWeights(), **asked)) is None


def test_a_method_without_weights_trains():
    assert _shipped(run_of(COINS)) is None


def test_weights_lie_where_the_methods_look():
    assert weights_file("rendered_coins_0.25.safetensors").is_file()
