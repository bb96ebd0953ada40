"""What steps ask of the chip."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kmodel import load
from harness.timing.costs import BYTE, DMA_IN_BYTE, KPU_CYCLE, WORD, amounts, cycles, total
from harness.timing.prices import PRICES
from harness.timing.published import networks
from harness.timing.steps import CpuStep, KpuStep, network_of
from tests.conftest import REPOSITORY

FIXTURES = sorted((REPOSITORY / "fixtures" / "kmodels").glob("*.kmodel"))
SIZES = st.integers(4, 320)


def layer(width, height=4, depthwise=False):
    return KpuStep("", 1, (32, 32), (width, height), 3, depthwise)


def test_narrow_maps_cost_as_much_as_16_columns():
    assert cycles(layer(4)) == cycles(layer(16)) == 32 * 32 * 4 / 4
    assert cycles(layer(17)) == cycles(layer(32)) == 2 * cycles(layer(16))
    assert cycles(layer(65)) == 2 * cycles(layer(64)) == 2 * 32 * 32 * 4


def test_a_depthwise_layer_pays_one_pair_of_channels_each():
    assert cycles(layer(64, 10, depthwise=True)) == 32 * 10


@given(SIZES, SIZES, st.booleans())
def test_larger_layers_never_cost_less(width, height, depthwise):
    small, large = layer(width, height, depthwise), layer(width + 1, height + 1, depthwise)
    assert cycles(small) <= cycles(large)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_every_operation_has_a_price(path):
    wanted = total(network_of(load(path)))
    assert wanted.keys() <= PRICES.keys()
    assert all(count > 0 for count in wanted.values())


def test_an_operation_nobody_thought_of_has_a_price_in_every_runtime():
    for version in (3, 4, 5):
        assert amounts(CpuStep("", "unheard_of", 10), version).keys() <= PRICES.keys()


def test_inputs_come_by_dma_where_their_width_allows_it():
    def of(width, version):
        return amounts(CpuStep("", "input", 3 * width * width, width=width), version)

    assert set(of(320, 4)) == {DMA_IN_BYTE}
    assert of(224, 4) == {WORD: 3 * 224 * 224 / 8}
    assert set(amounts(CpuStep("", "kpu_upload", 64, width=64), 5)) == {BYTE}


@pytest.mark.parametrize(
    ("name", "listing"),
    [
        ("slim320_v4", "slim_320"),
        ("yolo20_v3", "yolo20_v3"),
        ("yolox_nano_224_v5_beta1", "yolox_nano"),
    ],
)
def test_listings_are_what_the_files_hold(shared, name, listing):
    found = network_of(load(shared / "kmodels" / f"{name}.kmodel"))
    kept = networks.listed(listing)
    assert found.version == kept.version
    assert total(found) == total(kept)
    assert len(found.steps) == len(kept.steps)


def test_a_mobilenet_of_the_paper_is_one_of_the_compiler():
    """The fixture is MobileNetV1 0.25 at 128: built from the paper's table it costs the same."""
    compiled = network_of(load(REPOSITORY / "fixtures" / "kmodels" / "mbv1_025_128.kmodel"))
    trunk = networks.mobilenet(0.25, (128, 128), 4)
    in_file = [step for step in compiled.steps if isinstance(step, KpuStep)]
    in_paper = [step for step in trunk.steps if isinstance(step, KpuStep)]
    assert list(map(cycles, in_file[:-1])) == list(map(cycles, in_paper))
    assert KPU_CYCLE in total(compiled)
