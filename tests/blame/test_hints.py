"""Hints: each seeded problem is named with its numbers, and what loses nothing gets none."""

import pytest
from torch import nn

from harness.blame.analyse import analyse
from harness.blame.hints import MOST, Seen, hints
from harness.blame.suspect import Suspect
from harness.method import InputContract
from tests.blame.fix.seeded import network, pictures, recipe, with_outlier

IMAGES = pictures(12, seed=5)


def found(one, images=IMAGES):
    compiled = one.compile()
    suspect = Suspect("seeded", one.source.contract, one.source.data, compiled.kmodel, images)
    blame = analyse(suspect)
    return hints(Seen(blame.rows, blame.verdict, compiled.contract, images))


@pytest.mark.sim
@pytest.mark.parametrize("activation", [nn.ReLU, nn.ReLU6], ids=lambda one: one.__name__)
def test_a_healthy_model_gets_no_hint(activation):
    assert found(recipe(network(activation), pictures(16, 1))) == ()


@pytest.mark.sim
def test_an_outlier_channel_is_named():
    (hint,) = found(recipe(with_outlier(network(), channel=5), pictures(16, 1)))
    assert (hint.kind, hint.layer) == ("outlier channel", "02_kpu_conv2d")
    assert "channel 5 of this depthwise layer" in hint.text
    assert "of 256 codes" in hint.evidence
    assert "equalise" in hint.fixes


@pytest.mark.sim
def test_one_dark_calibration_image_is_too_few():
    told = found(recipe(network(), pictures(1, 1, low=0, high=60)))
    assert {hint.kind for hint in told} == {"few calibration images"}
    assert "taken from 1 image only" in told[0].text
    assert told[0].fixes == ("images",)
    assert len(told) <= MOST


@pytest.mark.sim
def test_many_calibration_images_may_be_of_another_kind():
    told = found(recipe(network(), pictures(20, 1, low=0, high=60)))
    assert {hint.kind for hint in told} == {"calibration out of range"}


@pytest.mark.sim
@pytest.mark.slow
def test_a_calibration_method_that_clips_saturates():
    told = found(recipe(network(), pictures(2, 1), "kld_m1"))
    assert told[0].kind == "saturating activation"
    assert "kld_m1" in told[0].text
    assert told[0].fixes == ("method",)


@pytest.mark.sim
def test_a_curve_that_16_segments_do_not_follow_is_named():
    told = found(recipe(network(nn.Hardswish, seed=1), pictures(16, 1)))
    coarse = [hint for hint in told if hint.kind == "coarse activation table"]
    assert coarse
    assert "16 segments" in coarse[0].evidence
    assert coarse[0].fixes == ("float layers",)


@pytest.mark.sim
def test_mean_and_std_in_other_units_than_the_range_are_suspected():
    from harness.blame.fix.base import Recipe
    from harness.compiler.source import source_of_module

    contract = InputContract(
        (3, 32, 32), range=(0.0, 255.0), mean=(0.45, 0.45, 0.45), std=(0.25, 0.25, 0.25)
    )
    source = source_of_module(network(), "seeded", contract, ("y",))
    told = found(Recipe(source, pictures(16, 1)))
    assert told[0].kind == "input contract"
    assert "range 0 to 255" in told[0].text
