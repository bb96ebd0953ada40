"""Seeded random networks of everything that a network for this chip may be made of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from harness.method import InputContract

SIDES = (24, 28, 29, 32, 33, 37, 40)
MOST_CHANNELS = 24


class Residual(nn.Module):
    """The sum of a branch and what goes into it, and perhaps an activation of that."""

    def __init__(self, branch: nn.Module, after: nn.Module) -> None:
        super().__init__()
        self.branch, self.after = branch, after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(x + self.branch(x))


class Joined(nn.Module):
    """Two branches, one behind the other."""

    def __init__(self, left: nn.Module, right: nn.Module) -> None:
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.left(x), self.right(x)], 1)


class Mean(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))


class Builder:
    """Adds blocks at random, and knows how many channels and pixels there are."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.rng = np.random.default_rng(seed)
        self.colours = int(self.rng.choice([1, 3, 3, 3]))
        self.sides = tuple(int(side) for side in self.rng.choice(SIDES, 2))
        self.channels, self.height, self.width = self.colours, *self.sides
        self.layers: list[nn.Module] = []

    def network(self) -> nn.Module:
        self.stem()
        blocks: list[Callable[[], None]] = [
            *(self.convolution, self.convolution, self.depthwise, self.grouped, self.dilated),
            *(self.transposed, self.residual, self.joined, self.pool, self.upsample),
        ]
        for _ in range(int(self.rng.integers(2, 5))):
            blocks[self.rng.integers(len(blocks))]()
        self.head()
        net = nn.Sequential(*self.layers).eval()
        for module in net.modules():
            _initialise(module)
        return net

    def pick(self, *choices: Callable[[], nn.Module]) -> nn.Module:
        return choices[self.rng.integers(len(choices))]()

    def activation(self) -> nn.Module:
        slopes = torch.from_numpy(self.rng.uniform(0.05, 0.4, self.channels)).float()
        several = nn.PReLU(self.channels)
        several.weight.data.copy_(slopes)
        return self.pick(
            nn.ReLU,
            nn.ReLU,
            nn.ReLU6,
            lambda: nn.LeakyReLU(0.1),
            nn.Hardswish,
            nn.SiLU,
            nn.Sigmoid,
            nn.Tanh,
            nn.PReLU,
            lambda: several,
            nn.Identity,
        )

    def norm(self) -> nn.Module:
        channels = self.channels
        return self.pick(
            nn.Identity,
            nn.Identity,
            lambda: nn.BatchNorm2d(channels),
            lambda: nn.BatchNorm2d(channels),
            lambda: nn.InstanceNorm2d(channels, affine=bool(self.rng.integers(2))),
            lambda: nn.GroupNorm(int(self.rng.choice([1, 2, 4])), channels),
        )

    def add(self, layer: nn.Module) -> None:
        """Add a layer, its normalisation and its activation."""
        self.layers.append(layer)
        with torch.no_grad():
            probe = torch.zeros(1, self.channels, self.height, self.width)
            _, self.channels, self.height, self.width = layer.eval()(probe).shape
        self.layers += [self.norm(), self.activation()]

    def wider(self) -> int:
        return int(self.rng.choice([8, 12, 16, MOST_CHANNELS]))

    def stride(self) -> int:
        return int(self.rng.integers(1, 3)) if min(self.height, self.width) >= 12 else 1

    def stem(self) -> None:
        stride = int(self.rng.integers(1, 3))
        self.add(nn.Conv2d(self.channels, self.wider(), 3, stride, 1))

    def convolution(self) -> None:
        kernel = int(self.rng.choice([1, 1, 3, 3, 3, 5]))
        bias = bool(self.rng.integers(2))
        layer = nn.Conv2d(
            self.channels, self.wider(), kernel, self.stride(), kernel // 2, bias=bias
        )
        self.add(layer)

    def depthwise(self) -> None:
        channels = self.channels
        self.add(nn.Conv2d(channels, channels, 3, self.stride(), 1, groups=channels))

    def grouped(self) -> None:
        self.add(nn.Conv2d(self.channels, self.wider(), 3, 1, 1, groups=2))

    def dilated(self) -> None:
        self.add(nn.Conv2d(self.channels, self.wider(), 3, 1, 2, dilation=2))

    def transposed(self) -> None:
        if max(self.height, self.width) > 20:
            return self.depthwise()
        out = self.wider()
        layer = self.pick(
            lambda: nn.ConvTranspose2d(self.channels, out, 4, 2, 1),
            lambda: nn.ConvTranspose2d(self.channels, out, 3, 2, 1, output_padding=1),
            lambda: nn.ConvTranspose2d(self.channels, out, 3, 2, 1),
            lambda: nn.ConvTranspose2d(self.channels, out, 2, 2),
        )
        return self.add(layer)

    def residual(self) -> None:
        channels = self.channels
        layers = [nn.Conv2d(channels, channels, 3, 1, 1), self.activation()]
        layers.append(nn.Conv2d(channels, channels, int(self.rng.choice([1, 3])), padding="same"))
        self.layers.append(Residual(nn.Sequential(*layers), self.activation()))

    def joined(self) -> None:
        before, out = self.channels, 8
        self.channels = out
        left = nn.Sequential(nn.Conv2d(before, out, 3, 1, 1), self.activation())
        right = nn.Sequential(nn.Conv2d(before, out, 1), self.activation())
        self.channels = before
        self.add(Joined(left, right))

    def pool(self) -> None:
        if min(self.height, self.width) < 10:
            return self.convolution()
        layer = self.pick(
            lambda: nn.MaxPool2d(2), lambda: nn.AvgPool2d(2), lambda: nn.MaxPool2d(3, 2, 1)
        )
        self.layers.append(layer)
        with torch.no_grad():
            probe = torch.zeros(1, self.channels, self.height, self.width)
            self.height, self.width = layer(probe).shape[2:]
        return None

    def upsample(self) -> None:
        if max(self.height, self.width) > 20:
            return self.convolution()
        self.layers.append(nn.Upsample(scale_factor=2))
        self.height, self.width = 2 * self.height, 2 * self.width
        return None

    def head(self) -> None:
        last = nn.Conv2d(self.channels, int(self.rng.choice([3, 5, 10])), 1)
        linear = nn.Linear(self.channels, 7)
        self.layers.append(
            self.pick(
                lambda: last,
                lambda: nn.Sequential(last, nn.AdaptiveAvgPool2d(1), nn.Flatten()),
                lambda: nn.Sequential(Mean(), linear),
                lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear),
                lambda: nn.Sequential(last, nn.Tanh()),
            )
        )


def _initialise(module: nn.Module) -> None:
    """Give a layer weights of ordinary size, and a normalisation numbers other than 0 and 1."""
    if isinstance(module, (nn.Conv2d, nn.Linear, nn.ConvTranspose2d)):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.normal_(module.bias, std=0.1)
    if isinstance(module, nn.BatchNorm2d):
        module.running_mean.uniform_(-0.2, 0.2)
        module.running_var.uniform_(0.5, 1.5)
    affine = isinstance(module, (nn.BatchNorm2d, nn.GroupNorm, nn.InstanceNorm2d))
    if affine and module.weight is not None:
        nn.init.uniform_(module.weight, 0.5, 1.5)
        nn.init.normal_(module.bias, std=0.2)


def network(seed: int) -> tuple[nn.Module, InputContract]:
    """Return a network in evaluation mode, and what it eats."""
    builder = Builder(seed)
    net = builder.network()
    shape = (builder.colours, *builder.sides)
    colour = "GRAY" if builder.colours == 1 else "RGB"
    if builder.rng.integers(2):
        return net, InputContract(shape, color=colour)
    mean = tuple(float(value) for value in builder.rng.uniform(0.3, 0.6, builder.colours))
    std = tuple(float(value) for value in builder.rng.uniform(0.2, 0.4, builder.colours))
    return net, InputContract(shape, color=colour, mean=mean, std=std)


def pictures(contract: InputContract, seed: int, count: int = 8) -> np.ndarray:
    """Coloured, mostly smooth pictures: uint8 [N, C, H, W]."""
    rng = np.random.default_rng(seed + 1000)
    channels, height, width = contract.shape
    coarse = torch.from_numpy(rng.uniform(0, 255, (count, channels, 5, 5)))
    smooth = nn.functional.interpolate(coarse, (height, width), mode="bilinear").numpy()
    return np.clip(smooth + rng.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)
