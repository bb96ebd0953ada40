"""Total variation: what does not change it, how it scales, and a case done by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.blocks.total_variation import total_variation

seeds = st.integers(0, 2**31 - 1)
exponents = st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0])


def pictures(seed: int, items: int = 3) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    return torch.randn(items, 2, 6, 7, generator=stream, dtype=torch.float64)


@given(level=st.floats(-10, 10), exponent=exponents)
def test_a_constant_has_none_and_no_gradient(level, exponent):
    flat = torch.full((2, 1, 5, 6), level, dtype=torch.float64, requires_grad=True)
    value = total_variation(flat, exponent)
    assert value.item() == 0
    assert torch.equal(torch.autograd.grad(value, flat)[0], torch.zeros_like(flat))


@given(seed=seeds, level=st.floats(-10, 10), exponent=exponents)
@settings(max_examples=25)
def test_a_constant_added_changes_nothing(seed, level, exponent):
    z = pictures(seed)
    torch.testing.assert_close(total_variation(z + level, exponent), total_variation(z, exponent))


@given(seed=seeds, factor=st.floats(-8, 8).filter(lambda a: abs(a) > 1e-3), exponent=exponents)
@settings(max_examples=25)
def test_a_factor_comes_out_to_the_power_of_b(seed, factor, exponent):
    z = pictures(seed)
    torch.testing.assert_close(
        total_variation(factor * z, exponent),
        abs(factor) ** exponent * total_variation(z, exponent),
    )


@given(height=st.integers(1, 9), width=st.integers(2, 9), size=st.floats(0.1, 9), data=st.data())
@settings(max_examples=25)
def test_a_vertical_step_counts_the_height(height, width, size, data):
    place = data.draw(st.integers(1, width - 1))
    step = torch.zeros(1, 1, height, width, dtype=torch.float64)
    step[..., place:] = size
    assert total_variation(step).item() == pytest.approx(size * height)
    assert total_variation(step, 2.0).item() == pytest.approx(size**2 * height)


@given(seed=seeds)
@settings(max_examples=25)
def test_order_in_the_batch_and_mirroring_across_the_diagonal_do_not_matter(seed):
    z = pictures(seed)
    torch.testing.assert_close(total_variation(z.flip(0)), total_variation(z))
    torch.testing.assert_close(total_variation(z.transpose(2, 3)), total_variation(z))


def test_a_batch_is_the_mean_of_its_items():
    z = pictures(0)
    single = [total_variation(item[None]) for item in z]
    torch.testing.assert_close(total_variation(z), torch.stack(single).mean())


def test_the_gradient_is_finite_and_right_where_pictures_are_partly_flat():
    z = pictures(1)
    z[:, :, 2:5, 2:5] = 0.5
    assert torch.autograd.gradcheck(total_variation, pictures(2).requires_grad_())
    gradient = torch.autograd.grad(total_variation(z.requires_grad_()), z)[0]
    assert gradient.isfinite().all()
    assert (gradient[:, :, 3, 3] == 0).all()
