"""Plain classification: how f is pretrained on S, and the judge on T."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from harness.errors import MethodError
from harness.progress import SILENT, Progress
from reference.dtn.data import Side
from reference.dtn.networks import Classifier, Encoder
from reference.dtn.structure import Structure

BATCH = 64
EVALUATION_BATCH = 256
# The judge's width, beside whichever width DTN has: another one would be another yardstick.
JUDGE_WIDTH = 0.125
_MOVED = 3
# Largest standard deviation, in units of −1 to 1.
NOISE = 0.4


def to_floats(images: Tensor) -> Tensor:
    """Turn bytes into what the networks eat: uint8 → float32 in −1 to 1."""
    return images.float() / 127.5 - 1


def build_f(structure: Structure, classes: int) -> Classifier:
    """Return f with the head that its pretraining needs."""
    return Classifier(Encoder(structure), structure.code, classes)


def build_judge(structure: Structure, classes: int) -> Classifier:
    """Return a classifier of pictures of T; `structure` is that of width 1."""
    small = structure.scaled(JUDGE_WIDTH)
    return Classifier(Encoder(small, small.target), small.code, classes)


def fit(
    network: Classifier,
    side: Side,
    epochs: int,
    lr: float,
    seed: int,
    device: str = "cpu",
    progress: Progress = SILENT,
    title: str = "Training a classifier",
) -> None:
    """Train a classifier on pictures that are shifted a little, by a one-cycle schedule.

    Raises:
        MethodError: The loss is no finite number any more.
    """
    assert side.labels is not None
    images = torch.from_numpy(side.images).to(device)
    labels = torch.from_numpy(side.labels).to(device)
    network.to(device).train()
    stream = Generator().manual_seed(seed)
    steps = max(1, math.ceil(len(side) / BATCH))
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=epochs * steps)
    with progress.task(title, epochs) as task:
        for _ in range(epochs):
            order = torch.randperm(len(side), generator=stream)
            for batch in torch.tensor_split(order, steps):
                seen = noisy(shifted(to_floats(images[batch]), stream), stream)
                loss = F.cross_entropy(network(seen), labels[batch])
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
            _check(loss, title)
            task.advance(1, f"loss {loss.item():.3f}")
    network.eval()


def shifted(pictures: Tensor, stream: Generator) -> Tensor:
    """Move a batch by up to three pixels in each direction; edges repeat."""
    side = pictures.shape[-1]
    x, y = torch.randint(0, 2 * _MOVED + 1, (2,), generator=stream).tolist()
    padded = F.pad(pictures, (_MOVED,) * 4, mode="replicate")
    return padded[..., y : y + side, x : x + side]


def noisy(pictures: Tensor, stream: Generator) -> Tensor:
    """Add noise to each picture of a batch, more to some than to others.

    An f that noise misleads can be satisfied with noise: L_CONST then says little of shapes.
    """
    strength = NOISE * torch.rand(len(pictures), 1, 1, 1, generator=stream)
    noise = torch.randn(pictures.shape, generator=stream)
    return pictures + (strength * noise).to(pictures.device)


@torch.no_grad()
def predict(network: nn.Module, images: Tensor, device: str = "cpu") -> Tensor:
    """Return what a network makes of all pictures of a side, float32 on the CPU.

    Args:
        network: Any network of pictures, in evaluation mode.
        images: uint8 [N, C, H, W].
        device: Where the network is.
    """
    batches = torch.split(images, EVALUATION_BATCH)
    return torch.cat([network(to_floats(batch.to(device))).cpu() for batch in batches])


def _check(loss: Tensor, title: str) -> None:
    if not torch.isfinite(loss):
        raise MethodError(
            f"{title}: the loss is no number any more", "give a lower rate: --set f_lr=0.0005"
        )
