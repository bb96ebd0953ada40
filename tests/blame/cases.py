"""Small random networks with one fault each, as it would come out of a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from harness.blame.suspect import Suspect
from harness.compiler.build import compile_source
from harness.compiler.source import source_of_module
from harness.kmodel import load, save
from harness.kmodel.operations import KpuConv2d
from harness.kmodel.tables import ActivationTable, BatchNorm
from harness.method import InputContract
from harness.simulator import Simulator

MEAN, STD = (0.45, 0.4, 0.35), (0.25, 0.2, 0.3)
OTHER_MEAN, OTHER_STD = (0.2, 0.55, 0.6), (0.25, 0.2, 0.3)
FACTOR = 64.0


def network(seed: int) -> nn.Sequential:
    """Full, depthwise and 1x1 convolutions, strides and activations of several kinds."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    activations = [nn.ReLU, nn.ReLU6, lambda: nn.LeakyReLU(0.1)]

    def activation() -> nn.Module:
        return activations[rng.integers(3)]()

    channels = int(rng.choice([8, 12, 16]))
    layers: list[nn.Module] = [nn.Conv2d(3, channels, 3, int(rng.integers(1, 3)), 1), activation()]
    for _ in range(int(rng.integers(1, 4))):
        wider = int(rng.choice([12, 16, 24]))
        if rng.integers(2):
            layers += [nn.Conv2d(channels, channels, 3, 1, 1, groups=channels), activation()]
        layers += [
            nn.Conv2d(channels, wider, int(rng.choice([1, 3])), padding="same"),
            activation(),
        ]
        channels = wider
    layers += [nn.Conv2d(channels, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    net = nn.Sequential(*layers)
    for layer in net:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")
            nn.init.normal_(layer.bias, std=0.1)
    return net.eval()


def convolutions(net: nn.Sequential) -> list[nn.Conv2d]:
    return [layer for layer in net if isinstance(layer, nn.Conv2d)]


def pictures(seed: int, count: int = 8, side: int = 24) -> np.ndarray:
    """Coloured, mostly smooth pictures: uint8 [N, 3, side, side]."""
    rng = np.random.default_rng(seed + 1000)
    coarse = torch.from_numpy(rng.uniform(0, 255, (count, 3, 5, 5)))
    smooth = nn.functional.interpolate(coarse, (side, side), mode="bilinear").numpy()
    return np.clip(smooth + rng.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)


def contract(seed: int) -> InputContract:
    if seed % 2:
        return InputContract((3, 24, 24))
    return InputContract((3, 24, 24), mean=MEAN, std=STD)


def made(net: nn.Module, given: InputContract, images: np.ndarray) -> tuple[bytes, bytes]:
    """Return ONNX and kmodel."""
    source = source_of_module(net, "net", given, ("scores",))
    compiled = compile_source(source, images)
    return source.data, compiled.kmodel


def suspect(net: nn.Module, given: InputContract, seed: int) -> Suspect:
    """A healthy run: calibrated on the pictures that it is looked at with."""
    images = pictures(seed)
    onnx, kmodel = made(net, given, images)
    return Suspect(f"net {seed}", given, onnx, kmodel, images, floats=floats(net, given, images))


def floats(net: nn.Module, given: InputContract, images: np.ndarray) -> dict[str, np.ndarray]:
    from harness.backends.floating import to_float

    with torch.inference_mode():
        return {"scores": net(torch.from_numpy(to_float(images, given))).numpy()}


def healthy(seed: int) -> Suspect:
    return suspect(network(seed), contract(seed), seed)


def dead(seed: int) -> Suspect:
    """The first layer gives nothing but zeros."""
    net = network(seed)
    first = convolutions(net)[0]
    with torch.no_grad():
        first.weight.zero_()
        first.bias.zero_()
    return suspect(net, contract(seed), seed)


def bgr(seed: int) -> Suspect:
    """The kmodel was made for BGR."""
    net = network(seed)
    given = contract(seed)
    found = suspect(net, given, seed)
    turned = network(seed)
    with torch.no_grad():
        convolutions(turned)[0].weight.copy_(convolutions(net)[0].weight.flip(1))
    kmodel = made(turned, replace(given, mean=given.mean[::-1], std=given.std[::-1]), found.images)
    return replace(found, kmodel=kmodel[1])


def wrong_mean(seed: int) -> Suspect:
    """The kmodel normalises with another mean than PyTorch did."""
    given = replace(contract(seed), mean=MEAN, std=STD)
    found = suspect(network(seed), given, seed)
    other = replace(given, mean=OTHER_MEAN, std=OTHER_STD)
    return replace(found, kmodel=made(network(seed), other, found.images)[1])


def damaged(seed: int) -> tuple[Suspect, str, int]:
    """48 bytes of one layer's weights are others; returns its name and the first of them."""
    found = healthy(seed)
    rng = np.random.default_rng(seed)
    layers = [
        layer
        for layer in load(found.kmodel).operations
        if isinstance(layer, KpuConv2d) and layer.weights.size >= 96
    ]
    layer = layers[rng.integers(len(layers))]
    start = layer.weights_offset + int(rng.integers(layer.weights.size - 48))
    data = bytearray(found.kmodel)
    block = np.frombuffer(data, np.uint8)[start : start + 48]
    data[start : start + 48] = (
        ((block.astype(int) + rng.integers(64, 192, 48)) % 256).astype(np.uint8).tobytes()
    )
    return replace(found, kmodel=bytes(data)), layer.name, start


def outlier(seed: int) -> tuple[Suspect, int, int]:
    """One channel between two full convolutions is small, and weighs much more behind.

    The function stays: activations here pass a positive factor through (ReLU6 becomes ReLU).
    Returns the place of the second convolution among all, and the channel.
    """
    net = network(seed)
    for place, layer in enumerate(net):
        if isinstance(layer, nn.ReLU6):
            net[place] = nn.ReLU()
    convs = convolutions(net)
    place = next(n for n in range(1, len(convs)) if convs[n].groups == 1)
    first, second = convs[place - 1], convs[place]
    channel = int(np.random.default_rng(seed).integers(second.in_channels))
    with torch.no_grad():
        first.weight[channel] /= FACTOR
        first.bias[channel] /= FACTOR
        second.weight[:, channel] *= FACTOR
    return suspect(net, contract(seed), seed), place, channel


def coarse(kmodel: bytes) -> bytes:
    """Return a kmodel whose layers count in units of 1/64 code instead of 1/2^23.

    In such units sums often lie half way between two codes, where the two rules differ. The
    factors keep 12 bits: the function stays as it was to 2.5 in 10 000.
    """
    program = load(kmodel)
    layers = [
        coarse_layer(one) if isinstance(one, KpuConv2d) else one for one in program.operations
    ]
    return save(replace(program, operations=tuple(layers)))


def coarse_layer(layer: KpuConv2d) -> KpuConv2d:
    norm, table = layer.batch_norm, layer.activation
    finer = 15 - norm.shift.max()
    bits = finer + 8
    start = table.start >> bits
    return replace(
        layer,
        batch_norm=BatchNorm.encode(norm.multiplier >> 8, norm.addend >> bits, norm.shift + finer),
        activation=ActivationTable.encode(
            np.where(np.arange(16) == 0, table.start, start),
            table.multiplier,
            np.maximum(table.shift - bits, 0),
            table.bias,
        ),
    )


def old_rounding(seed: int) -> Suspect:
    """A board answers as the simulator with the rounding of nncase 0.1."""
    found = healthy(seed)
    found = replace(found, kmodel=coarse(found.kmodel))
    board = Simulator(load(found.kmodel), "nncase-0.1")(found.images)
    return replace(found, board=({name: value.numpy() for name, value in board.items()},))
