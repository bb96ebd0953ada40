"""The networks: the paper's sizes, any width, any picture size, and how far they look."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reference.blocks.unrolling import unroll_module
from reference.simgan.networks import Discriminator, GazeEstimator, Refiner
from reference.simgan.structure import (
    deployed_macs,
    deployed_parameters,
    refiner_macs,
    refiner_parameters,
)

# Of four blocks of two 3x3 convolutions behind a 3x3 stem.
REACH = 9


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def pictures(count: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    stream = torch.Generator().manual_seed(seed)
    return torch.rand((count, 1, height, width), generator=stream) * 2 - 1


def multiplications(network: nn.Module, images: torch.Tensor) -> int:
    """Count multiply-accumulates of all convolutions for one picture."""
    counts = []

    def count(conv, _inputs, output):
        counts.append(output[0, 0].numel() * conv.weight.numel())

    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    hooks = [module.register_forward_hook(count) for module in convolutions]
    network(images)
    for hook in hooks:
        hook.remove()
    return sum(counts)


def test_the_papers_sizes():
    assert parameters(Refiner()) == refiner_parameters(1.0) == 296_129
    assert parameters(Discriminator()) == 75_906
    assert round(refiner_macs(1.0) / 1e6) == 569
    # Convolutions without padding leave 9600 features, which agrees with the paper's estimator.
    assert GazeEstimator().head[0].in_features == 9600


def test_the_map_of_an_eye_is_9_by_14():
    assert Discriminator(0.1)(pictures(2, 35, 55)).shape == (2, 2, 9, 14)


def test_the_networks_for_hands():
    refiner = Refiner(0.05, blocks=10, stem=7)
    assert len(refiner.blocks) == 10
    assert refiner(pictures(1, 40, 40)).shape == (1, 1, 40, 40)
    assert Discriminator(0.1, hand=True)(pictures(1, 224, 224)).shape == (1, 2, 4, 4)


@given(width=st.floats(0.02, 1.0), blocks=st.integers(1, 6))
@settings(max_examples=20)
def test_arithmetic_and_networks_agree_at_any_width(width, blocks):
    refiner = Refiner(width, blocks)
    assert parameters(refiner) == refiner_parameters(width, blocks)
    macs = multiplications(refiner, pictures(1, 35, 55))
    assert macs == refiner_macs(width, blocks)
    unrolled = unroll_module(refiner, pictures(1, 35, 55))
    assert parameters(unrolled) == deployed_parameters(width, blocks)
    assert multiplications(unrolled, pictures(1, 35, 55)) == deployed_macs(width, blocks)


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.sampled_from([1, 3]),
    gain=st.floats(0.1, 100),
)
@settings(max_examples=25)
def test_a_refiner_keeps_any_size_and_stays_within_the_range(height, width, channels, gain):
    refiner = Refiner(0.05, blocks=2, channels=channels)
    images = pictures(2 * channels, height, width).view(2, channels, height, width) * gain
    refined = refiner(images)
    assert refined.shape == images.shape
    assert refined.abs().max() <= 1


@given(down=st.integers(0, 6), right=st.integers(0, 6), seed=st.integers(0, 100))
@settings(max_examples=10)
def test_a_refiner_moves_with_its_picture(down, right, seed):
    torch.manual_seed(seed)
    refiner = Refiner(0.1).double()
    large = pictures(1, 36, 40, seed).double()
    height, width = 36 - down, 40 - right
    whole = refiner(large)[:, :, down:, right:]
    moved = refiner(large[:, :, down:, right:])
    inner = (..., slice(REACH, height - REACH), slice(REACH, width - REACH))
    torch.testing.assert_close(whole[inner], moved[inner])


def test_a_refiner_looks_nine_pixels_far_and_no_farther():
    torch.manual_seed(0)
    refiner = Refiner(0.25).double()
    images = pictures(1, 41, 41).double().requires_grad_()
    refiner(images)[0, 0, 20, 20].backward()
    rows, columns = images.grad[0, 0].nonzero(as_tuple=True)
    assert (rows.min(), rows.max()) == (20 - REACH, 20 + REACH)
    assert (columns.min(), columns.max()) == (20 - REACH, 20 + REACH)


@given(width=st.floats(0.02, 0.3), seed=st.integers(0, 100))
@settings(max_examples=10)
def test_an_estimator_says_a_direction(width, seed):
    torch.manual_seed(seed)
    found = GazeEstimator(width, hidden=8)(pictures(3, 35, 55, seed))
    torch.testing.assert_close(found.norm(dim=1), torch.ones(3))


def test_an_estimator_refuses_another_size():
    with pytest.raises(ValueError, match=r"\(35, 55\)"):
        GazeEstimator(0.1, 8)(pictures(1, 32, 55))
