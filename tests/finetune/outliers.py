"""Weights with outlier channels: the same float function, and hard to quantise.

    python -m tests.finetune.outliers IN.safetensors OUT.safetensors --data PHOTOS --factor 16

Behind every ReLU6 of the coin classifier, channels that no training picture drives to 6 are made
smaller by a factor, and the weights that read them larger by it. The float outputs stay as they
are on the training pictures. The channels that are left as they were are the outliers: the bytes
of a map have to reach as far as they do, and little is left for the others.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from reference.coin_classifier.checkpoint import Checkpoint, read_checkpoint
from reference.coin_classifier.data import load_pictures

TOP = 6.0


def greatest(network: nn.Module, images: Tensor) -> list[Tensor]:
    """Return the greatest value of each channel behind each ReLU6, in running order."""
    found: list[Tensor] = []
    hooks = [
        module.register_forward_hook(lambda _m, _x, out: found.append(out.amax((0, 2, 3))))
        for module in network.modules()
        if isinstance(module, nn.ReLU6)
    ]
    with torch.no_grad():
        network(images.float() / 255)
    for hook in hooks:
        hook.remove()
    return found


def with_outliers(checkpoint: Checkpoint, images: Tensor, factor: float) -> Checkpoint:
    """Return a checkpoint of the same function on some pictures, uint8 [N, 3, S, S]."""
    network = checkpoint.network()
    peaks = greatest(network, images)
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
    readers = [*layers[2::2], network.head]
    with torch.no_grad():
        for peak, norm, reader in zip(peaks, layers[1::2], readers, strict=True):
            scale = torch.where(peak < TOP, 1 / factor, 1.0)
            norm.weight *= scale
            norm.bias *= scale
            depthwise = isinstance(reader, nn.Conv2d) and reader.groups > 1
            shape = (-1, 1, 1, 1) if depthwise else (1, -1) + (1,) * (reader.weight.dim() - 2)
            reader.weight /= scale.view(shape)
    return replace(checkpoint, weights=network.state_dict())


def main() -> None:
    """Write the checkpoint."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--factor", type=float, default=16.0)
    options = parser.parse_args()
    source = read_checkpoint(options.source)
    images = torch.from_numpy(load_pictures(options.data, source.size).train.images)
    with_outliers(source, images, options.factor).save(options.out)


if __name__ == "__main__":
    main()
