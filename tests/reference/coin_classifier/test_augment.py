"""Augmentation changes what a camera changes, and nothing else."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest
import torch
from torch import Generator, Tensor

from reference.coin_classifier.augment import Augmentation

NOTHING = Augmentation(**{field.name: 0.0 for field in fields(Augmentation)})


def pictures(count: int = 4, side: int = 32) -> Tensor:
    generator = Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


def augmented(augmentation: Augmentation, images: Tensor, seed: int = 0) -> Tensor:
    return augmentation(images, Generator().manual_seed(seed))


def only(**reach: float) -> Augmentation:
    return Augmentation(**{field.name: reach.get(field.name, 0.0) for field in fields(NOTHING)})


def smooth_pictures(side: int = 32) -> Tensor:
    axis = torch.linspace(-1, 1, side)
    ramp = 128 + 60 * axis.view(1, -1) + 30 * axis.view(-1, 1)
    return torch.stack([ramp, ramp.flip(0), ramp.T]).round().to(torch.uint8)[None]


def test_without_reach_pictures_stay_as_they_are():
    images = pictures()
    assert torch.equal(augmented(NOTHING, images), images.float() / 255)


def test_results_are_bytes_over_255():
    result = augmented(Augmentation(), pictures()) * 255
    torch.testing.assert_close(result, result.round(), atol=1e-4, rtol=0)
    assert 0 <= result.min() <= result.max() <= 255


def test_the_stream_alone_decides():
    images = pictures()
    assert torch.equal(augmented(Augmentation(), images, 3), augmented(Augmentation(), images, 3))
    assert not torch.equal(
        augmented(Augmentation(), images, 3), augmented(Augmentation(), images, 4)
    )


def test_pictures_of_a_batch_are_changed_each_in_its_own_way():
    same = pictures(1).expand(2, -1, -1, -1)
    first, second = augmented(Augmentation(), same)
    assert not torch.equal(first, second)


def test_rotation_turns_and_never_mirrors():
    # A mark to the right of the top edge's middle stays clockwise of it at every angle.
    image = torch.zeros(1, 3, 65, 65, dtype=torch.uint8)
    image[0, 0, 6:11, 30:35] = 255
    image[0, 1, 12:17, 44:49] = 255
    for seed in range(20):
        red, green, _ = augmented(only(rotation=math.pi), image, seed)[0]
        assert 0 < (angle(green) - angle(red)) % (2 * math.pi) < math.pi / 2


def angle(mark: Tensor) -> float:
    """Return the direction of a bright mark as seen from the middle, clockwise."""
    rows, columns = torch.nonzero(mark > 0.3, as_tuple=True)
    return math.atan2(rows.float().mean().item() - 32, columns.float().mean().item() - 32)


@pytest.mark.parametrize("reach", [0.0, 0.05])
def test_scale_stays_within_its_reach(reach):
    image = torch.zeros(1, 3, 128, 128, dtype=torch.uint8)
    image[..., 32:96, 32:96] = 255
    areas = [augmented(only(scale=reach), image, seed)[0, 0].sum().item() for seed in range(20)]
    sides = [math.sqrt(area) / 64 for area in areas]
    assert max(abs(side - 1) for side in sides) <= reach / (1 - reach) + 0.01
    assert (max(sides) - min(sides) > 0.02) == (reach > 0)


@pytest.mark.parametrize("name", ["gamma", "contrast", "brightness", "tint", "saturation", "light"])
def test_each_colour_change_moves_values_smoothly(name):
    images = smooth_pictures()
    results = [augmented(only(**{name: 0.3}), images, seed) for seed in range(8)]
    changes = [(result - images.float() / 255).abs().mean().item() for result in results]
    assert 0.01 < max(changes) < 0.3


def test_saturation_keeps_gray_gray():
    gray = torch.full((1, 3, 8, 8), 90, dtype=torch.uint8)
    result = augmented(only(saturation=0.5), gray)
    torch.testing.assert_close(result, gray.float() / 255, atol=1 / 255, rtol=0)


def test_contrast_keeps_the_mean():
    images = smooth_pictures()
    result = augmented(only(contrast=0.3), images)
    torch.testing.assert_close(
        result.mean(dim=(2, 3)), images.float().mean(dim=(2, 3)) / 255, atol=0.004, rtol=0
    )
