import pytest

from harness.blame.fix.calibration import CalibrationMethod, MoreImages
from harness.blame.fix.equalise import Equalise
from harness.blame.fix.fallback import FloatLayers
from harness.blame.fix.search import WORTH_COSTLY_DB, standard_fixes, try_fixes
from harness.errors import UsageError
from tests.blame.fix.seeded import network, pictures, recipe, with_outlier

pytestmark = pytest.mark.sim

JUDGED = pictures(24, seed=5)


def search(one, *fixes, **given):
    return try_fixes(one, given.pop("images", JUDGED), fixes=fixes or None, **given)


def gain(found):
    return found.total.after - found.total.before


def test_an_outlier_channel_is_equalised_away():
    found = search(
        recipe(with_outlier(network()), pictures(16, 1)), CalibrationMethod("cdf"), Equalise("maps")
    )
    assert found.kept == ("equalise maps",)
    assert gain(found) > 10
    assert found.total.low > 5
    (row,) = [row for row in found.rows if row.kept]
    assert row.confirmed.sure
    assert "+0.0 ms" in row.cost
    assert found.compiled.contract.calibration.method == "no_clip"


def test_what_is_not_kept_says_why():
    one = recipe(with_outlier(network()), pictures(16, 1))
    found = search(one, Equalise("maps"), Equalise("weights"), CalibrationMethod("cdf"), most=4)
    first, second = sorted(found.rows[:2], key=lambda row: not row.kept)
    assert first.kept
    assert second.reason == f"{first.fix} gains more, and is kept first"
    (method,) = (row for row in found.rows if row.family == "method" and row.onto == ())
    assert method.reason == "no sure gain on the images that choose" or "asked" in method.reason


def test_one_dark_calibration_image_is_joined_by_others():
    dark = recipe(network(), pictures(1, 1, low=0, high=60))
    found = search(dark, MoreImages(pictures(16, 2)), Equalise("maps"))
    assert found.kept[0] == "images +16"
    assert gain(found) > 10
    assert found.compiled.contract.calibration.images == 17


def test_calibration_takes_a_third_of_the_images_where_it_saw_few():
    dark = recipe(network(), pictures(1, 1, low=0, high=60))
    images = pictures(36, seed=5)
    found = search(dark, images=images, most=2)
    assert found.kept == ("images +12",)
    assert found.images == (12, 12)


@pytest.mark.slow
def test_a_method_that_clips_is_replaced():
    clipping = recipe(network(), pictures(2, 1), "kld_m1")  # it takes nncase half a minute
    found = search(clipping, CalibrationMethod("no_clip"))
    assert found.kept == ("method no_clip",)
    assert gain(found) > 10


def test_a_healthy_model_is_left_alone():
    one = recipe(network(), pictures(16, 1))
    fixes = [CalibrationMethod("cdf"), Equalise("maps"), Equalise("weights")]
    found = search(one, *fixes, FloatLayers(("/2/Conv",)))
    assert found.kept == ()
    assert found.compiled.kmodel == one.compile().kmodel
    assert all(row.reason for row in found.rows)
    # What costs time is not even tried.
    assert {row.fix for row in found.rows} == {fix.name for fix in fixes}


def test_a_layer_goes_to_the_cpu_only_for_much():
    one = recipe(with_outlier(network()), pictures(16, 1))
    both = FloatLayers(("/2/Conv", "/4/Conv"))
    found = search(one, FloatLayers(("/2/Conv",)), both)
    assert found.kept == (both.name,)
    row = next(row for row in found.rows if row.kept)
    assert row.chosen.after - row.chosen.before > WORTH_COSTLY_DB
    assert "ms (predicted)" in row.cost


def test_what_nncase_refuses_is_told_and_the_search_goes_on():
    one = recipe(with_outlier(network()), pictures(16, 1))
    found = search(one, CalibrationMethod("none of them"), Equalise("maps"))
    assert found.kept == ("equalise maps",)
    failed = next(row for row in found.rows if row.chosen is None)
    assert "none of them" in failed.reason


def test_compilations_are_bounded():
    found = search(recipe(with_outlier(network()), pictures(16, 1)), most=3)
    assert found.compilations == 3


def test_too_few_images_are_refused_and_calibration_images_do_not_count():
    one = recipe(network(), JUDGED[:16])
    with pytest.raises(UsageError, match="8 images"):
        search(one)


def test_all_families_are_tried():
    one = recipe(network(), pictures(1))
    families = {fix.family for fix in standard_fixes(one.source, JUDGED, ("/2/Conv",))}
    assert families == {"images", "method", "equalise", "float layers"}
