import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.blame.names import module_path
from harness.blame.places import place_of
from harness.blame.tally import Tally
from harness.blame.units import Codes, fit_codes
from harness.compare.metrics import cosine, max_abs, snr_db


@given(
    scale=st.floats(1e-3, 10),
    zero=st.integers(0, 255),
    values=st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=20),
)
def test_rounding_is_to_the_nearest_code_and_clips(scale, zero, values):
    codes, x = Codes(scale, zero), torch.tensor(values)
    rounded = codes.rounded(x)
    assert torch.allclose(rounded, codes.decode(codes.encode(x)), rtol=1e-4, atol=scale * 1e-3)
    inside = (x > codes.low) & (x < codes.high)
    assert bool(((rounded - x)[inside].abs() <= scale * 0.501).all())


def test_a_zero_point_between_two_codes_keeps_bytes():
    codes, every = Codes(2 / 255, 127.5), torch.arange(256, dtype=torch.uint8)
    assert torch.equal(codes.encode(codes.decode(every)), every)
    assert codes.decode(every)[[0, 255]].tolist() == pytest.approx([-1, 1])


@given(scale=st.floats(1e-4, 10), zero=st.integers(0, 200))
def test_scales_are_found_again_from_a_table(scale, zero):
    x = torch.linspace(-scale * zero, scale * (255 - zero), 500, dtype=torch.float64)
    found = fit_codes(x, (x / scale + zero).clamp(0, 255))
    assert found.codes.scale == pytest.approx(scale, rel=1e-6)
    assert found.codes.zero_point == zero
    assert found.worst < 1e-3


def test_a_table_that_is_not_its_function_shows_in_the_fit():
    x = torch.linspace(-4, 4, 500, dtype=torch.float64)
    found = fit_codes(torch.sigmoid(x), (x * 20 + 128).clamp(0, 255))
    assert found.worst > 3


def test_a_table_that_gives_one_code_has_no_scale():
    assert fit_codes(torch.linspace(0, 1, 50), torch.full((50,), 7.0)) is None


@pytest.mark.parametrize("shape", [(4, 3, 5, 6), (4, 7)])
def test_tallies_of_batches_are_the_metrics_of_all(shape):
    rng = np.random.default_rng(0)
    a = rng.normal(size=shape).astype(np.float32)
    b = (a + rng.normal(scale=0.1, size=shape)).astype(np.float32)
    tally = Tally()
    for part in (slice(0, 1), slice(1, 4)):
        tally.add(torch.from_numpy(a[part]), torch.from_numpy(b[part]))
    found = tally.error()
    assert found.snr_db == pytest.approx(snr_db(a, b), abs=1e-3)
    assert found.cosine == pytest.approx(cosine(a, b), abs=1e-6)
    assert found.max_abs == pytest.approx(max_abs(a, b), rel=1e-6)
    assert found.mse == pytest.approx(float(np.mean((a - b) ** 2)), rel=1e-4)
    channels = tally.channels()
    if len(shape) == 4:
        assert channels[1] == pytest.approx(snr_db(a[:, 1], b[:, 1]), abs=1e-3)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("side", [0, 1])
def test_what_is_no_number_is_said_and_makes_no_figure(bad, side):
    a, b = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[1.5, 9.0, 3.0]])
    (a, b)[side][0, 1] = bad
    tally = Tally()
    tally.add(a, b)
    found = tally.error()
    assert (tally.count, found.not_finite) == (2, 1)
    figures = (found.snr_db, found.cosine, found.mse, found.max_abs)
    assert all(math.isnan(figure) for figure in figures)


def test_equal_tensors_have_no_noise():
    equal = Tally()
    equal.add(torch.ones(2, 2), torch.ones(2, 2))
    assert (equal.error().snr_db, equal.error().cosine) == (None, 1.0)


@given(
    st.sampled_from(
        [
            ((1, 4, 6, 8), (1, 4, 6, 8), "whole"),
            ((1, 12), (1, 12, 1, 1), "whole"),
            ((1, 4, 7, 8), (1, 4, 4, 4), "step"),
            ((1, 5, 4, 4), (1, 5), "corner"),
            ((1, 5, 4, 4), (1, 5, 3, 3), "corner"),
        ]
    )
)
def test_what_is_spread_is_gathered_again(case):
    result, tensor, kind = case
    place = place_of(result, tensor)
    assert place.kind == kind
    value = torch.rand(3, *tensor[1:])
    spread = place.spread(value)
    assert spread.shape == (3, *result)
    assert torch.equal(place.gather(spread), value)
    assert int(torch.isfinite(spread).sum()) == value.numel()


def test_tensors_of_other_shapes_have_no_place():
    assert place_of((1, 4, 8, 8), (1, 4, 5, 5)) is None
    assert place_of((1, 4, 8, 8), (1, 3, 4, 4)) is None


@pytest.mark.parametrize(
    ("node", "path"),
    [
        ("/backbone/backbone.1/backbone.1.0/backbone.1.0.0/Conv", "backbone.1.0.0"),
        ("/layer/conv/Conv", "layer.conv"),
        ("/layer1/layer1.0/conv1/Conv", "layer1.0.conv1"),
        ("/stem/stem.0/Conv", "stem.0"),
        ("/Relu", ""),
        ("Conv_7", ""),
    ],
)
def test_module_paths_come_from_the_exporters_scopes(node, path):
    assert module_path(node) == path
