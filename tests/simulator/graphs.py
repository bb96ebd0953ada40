"""Small graphs that cover the operations, for the differential tests against nncase."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class Graph(nn.Module):
    """Layers under one function."""

    def __init__(self, forward: Callable[..., Tensor], *layers: nn.Module) -> None:
        super().__init__()
        self.function, self.layers = forward, nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.layers)


def conv(into: int, out: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(into, out, kernel, stride, kernel // 2, groups=groups)


def chain(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers)


ACTIVATIONS = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky": lambda: nn.LeakyReLU(0.1),
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "hardswish": nn.Hardswish,
    "silu": nn.SiLU,
    "hardsigmoid": nn.Hardsigmoid,
    "none": nn.Identity,
}
POOLS = {
    "max2": lambda: nn.MaxPool2d(2),
    "max4": lambda: nn.MaxPool2d(4),
    "mean2": lambda: nn.AvgPool2d(2),
    "mean4": lambda: nn.AvgPool2d(4),
    "max2_stride1": lambda: nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(2, 1)),
    "max3_stride2": lambda: nn.MaxPool2d(3, 2, 1),
    "mean3_stride1": lambda: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    "max5_stride1": lambda: nn.MaxPool2d(5, 1, 2),
    "global_mean": lambda: nn.AdaptiveAvgPool2d(1),
    "global_max": lambda: nn.AdaptiveMaxPool2d(1),
}
SIZES = [(4, 4), (5, 9), (16, 16), (17, 31), (33, 15), (32, 64), (12, 65), (23, 70)]


def small_graphs() -> dict[str, tuple[nn.Module, tuple[int, int, int]]]:
    """Return module and input shape of each graph by name; weights are seeded."""
    torch.manual_seed(0)
    graphs: dict[str, tuple[nn.Module, tuple[int, int, int]]] = {}
    for name, make in ACTIVATIONS.items():
        for kernel in (1, 3):
            net = chain(conv(3, 10, kernel), make(), conv(10, 6, 1))
            graphs[f"{name}_{kernel}x{kernel}"] = net, (3, 20, 24)
        groups = chain(conv(3, 8), nn.ReLU(), conv(8, 8, groups=8), make(), conv(8, 5, 1))
        graphs[f"{name}_depthwise"] = groups, (3, 14, 18)
    for name, make in POOLS.items():
        graphs[f"pool_{name}"] = chain(conv(3, 8), nn.ReLU(), make()), (3, 24, 32)
    for height, width in SIZES:
        net = chain(conv(3, 7), nn.ReLU(), conv(7, 7, groups=7), nn.ReLU(), conv(7, 9, 1))
        graphs[f"size_{height}x{width}"] = net, (3, height, width)
        if min(height, width) >= 8:
            strided = chain(conv(3, 6, 3, 2), nn.ReLU6(), conv(6, 6, 3, 2, 6), conv(6, 4, 1))
            graphs[f"stride2_{height}x{width}"] = strided, (3, height, width)
    return graphs | _joined() | _on_the_cpu()


def _joined() -> dict[str, tuple[nn.Module, tuple[int, int, int]]]:
    """Return graphs in which branches meet."""
    image = 3, 16, 24
    return {
        "residual": (
            Graph(lambda x, a, b, c: c(a(x) + b(a(x))), conv(3, 8), conv(8, 8), conv(8, 5, 1)),
            image,
        ),
        "residual_relu": (
            Graph(lambda x, a, b: torch.relu(a(x) + b(torch.relu(a(x)))), conv(3, 8), conv(8, 8)),
            image,
        ),
        "product": (Graph(lambda x, a, b: a(x) * b(x), conv(3, 8), conv(3, 8)), image),
        "difference": (Graph(lambda x, a, b: a(x) - b(x), conv(3, 8), conv(3, 8)), image),
        "concat": (
            Graph(
                lambda x, a, b, c: c(torch.cat([a(x), b(x)], 1)),
                conv(3, 5),
                conv(3, 6),
                conv(11, 4),
            ),
            image,
        ),
        "concat_deep": (
            Graph(
                lambda x, a, b, c: c(torch.cat([a(x), b(torch.relu(a(x)))], 1)),
                conv(3, 8),
                conv(8, 4, 1),
                conv(12, 4),
            ),
            image,
        ),
        "upsample_nearest": (
            Graph(
                lambda x, a, b: b(functional.interpolate(a(x), scale_factor=2, mode="nearest")),
                conv(3, 6),
                conv(6, 4),
            ),
            image,
        ),
        "upsample_bilinear": (
            Graph(
                lambda x, a, b: b(
                    functional.interpolate(
                        a(x), scale_factor=2, mode="bilinear", align_corners=False
                    )
                ),
                conv(3, 6),
                conv(6, 4),
            ),
            image,
        ),
        "pixel_shuffle": (
            Graph(lambda x, a, b: b(functional.pixel_shuffle(a(x), 2)), conv(3, 8), conv(2, 4)),
            image,
        ),
        "squeeze_excite": (
            Graph(
                lambda x, a, b: a(x) * torch.sigmoid(b(a(x).mean((2, 3), keepdim=True))),
                conv(3, 8),
                conv(8, 8, 1),
            ),
            image,
        ),
    }


def _on_the_cpu() -> dict[str, tuple[nn.Module, tuple[int, int, int]]]:
    """Return graphs with operations that the KPU lacks."""
    image = 3, 12, 20
    return {
        "transposed": (chain(conv(3, 6), nn.ConvTranspose2d(6, 4, 2, 2)), image),
        "transposed_3x3": (chain(conv(3, 6), nn.ConvTranspose2d(6, 4, 3, 2, 1, 1)), image),
        "conv_5x5": (chain(conv(3, 6), nn.ReLU(), nn.Conv2d(6, 4, 5, 1, 2)), image),
        "conv_stride3": (chain(conv(3, 6), nn.ReLU(), nn.Conv2d(6, 4, 3, 3, 1)), image),
        "conv_groups2": (chain(conv(3, 8), nn.ReLU(), nn.Conv2d(8, 4, 3, 1, 1, groups=2)), image),
        "dilated": (chain(conv(3, 6), nn.ReLU(), nn.Conv2d(6, 4, 3, 1, 2, dilation=2)), image),
        "linear": (chain(conv(3, 4), nn.Flatten(), nn.Linear(960, 5)), image),
        "softmax": (
            chain(conv(3, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Softmax(1)),
            image,
        ),
        "mean_of_lines": (Graph(lambda x, a: a(x).mean(2), conv(3, 4)), image),
        "sum_of_channels": (Graph(lambda x, a: a(x).sum(1), conv(3, 4)), image),
        "greatest": (Graph(lambda x, a: a(x).amax((2, 3)), conv(3, 4)), image),
        "least": (Graph(lambda x, a: a(x).amin(3), conv(3, 4)), image),
        "slice": (
            Graph(lambda x, a, b: b(a(x)[:, 1:4, 2:10:2, 4:]), conv(3, 6), conv(3, 4)),
            image,
        ),
        "transpose": (Graph(lambda x, a: a(x).permute(0, 2, 3, 1), conv(3, 6)), image),
        "exp": (Graph(lambda x, a: torch.exp(a(x)), conv(3, 4)), image),
        "abs": (Graph(lambda x, a: torch.abs(a(x)), conv(3, 4)), image),
        "sqrt": (Graph(lambda x, a: torch.sqrt(torch.relu(a(x)) + 1), conv(3, 4)), image),
        "divide": (
            Graph(lambda x, a, b: a(x) / (torch.relu(b(x)) + 1), conv(3, 4), conv(3, 4)),
            image,
        ),
    }
