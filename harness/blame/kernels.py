"""ONNX operators in PyTorch, on batches: a model whose batch is 1 runs on many pictures at once.

What is missing here, or would mix the pictures of a batch, is left to ONNX's own reference
implementation, one picture at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from harness.blame import moving
from harness.blame.moving import Attributes

# Gives None where the node is one that it cannot do.
Kernel = Callable[[Attributes, Sequence[Tensor | None]], Tensor | None]

_LIMIT = torch.finfo(torch.float32).max


def _symmetric(attributes: Attributes, x: Tensor) -> tuple[Tensor, list[int]]:
    """Return the input and symmetric pads; one-sided pads are put around the input here."""
    pads = list(attributes.get("pads", [0] * 4))
    half = len(pads) // 2
    if attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise NotImplementedError
    if pads[:half] == pads[half:]:
        return x, pads[:half]
    sides = [n for axis in reversed(range(half)) for n in (pads[axis], pads[axis + half])]
    return functional.pad(x, sides), [0] * half


def _conv(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    x, weight, *rest = inputs
    assert x is not None
    assert weight is not None
    if weight.dim() != 4:
        return None
    x, pads = _symmetric(attributes, x)
    return functional.conv2d(
        x,
        weight,
        rest[0] if rest else None,
        tuple(attributes.get("strides", (1, 1))),
        tuple(pads),
        tuple(attributes.get("dilations", (1, 1))),
        int(attributes.get("group", 1)),
    )


def _conv_transpose(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    x, weight, *rest = inputs
    assert x is not None
    assert weight is not None
    pads = list(attributes.get("pads", [0] * 4))
    odd = attributes.get("auto_pad", "NOTSET") != "NOTSET" or "output_shape" in attributes
    if weight.dim() != 4 or odd or pads[:2] != pads[2:]:
        return None
    return functional.conv_transpose2d(
        x,
        weight,
        rest[0] if rest else None,
        tuple(attributes.get("strides", (1, 1))),
        tuple(pads[:2]),
        tuple(attributes.get("output_padding", (0, 0))),
        int(attributes.get("group", 1)),
        tuple(attributes.get("dilations", (1, 1))),
    )


def _gemm(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    a, b, *rest = inputs
    assert a is not None
    assert b is not None
    if attributes.get("transA", 0):
        return None
    b = b.T if attributes.get("transB", 0) else b
    found = (a @ b) * float(attributes.get("alpha", 1.0))
    if rest and rest[0] is not None:
        found = found + rest[0] * float(attributes.get("beta", 1.0))
    return found


def _matmul(_attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    a, b = inputs
    assert a is not None
    assert b is not None
    return a @ b if a.dim() >= 2 and b.dim() == 2 else None


def _batch_norm(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    x, scale, bias, mean, variance = inputs
    assert x is not None
    epsilon = float(attributes.get("epsilon", 1e-5))
    return functional.batch_norm(x, mean, variance, scale, bias, eps=epsilon)


def _instance_norm(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    x, scale, bias = inputs
    assert x is not None
    epsilon = float(attributes.get("epsilon", 1e-5))
    return functional.instance_norm(x, weight=scale, bias=bias, eps=epsilon)


def _prelu(_attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    x, slope = inputs
    assert x is not None
    assert slope is not None
    return torch.where(x < 0, x * slope, x)


def _clip(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    x, *limits = inputs
    assert x is not None
    given = [None if one is None else float(one) for one in limits] + [None, None]
    low, high = given[0], given[1]
    low = attributes.get("min") if low is None else low
    high = attributes.get("max") if high is None else high
    return x.clamp(-_LIMIT if low is None else low, _LIMIT if high is None else high)


def _max_pool(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    (x,) = inputs
    assert x is not None
    pads = list(attributes.get("pads", [0] * 4))
    if attributes.get("ceil_mode", 0) or pads[:2] != pads[2:] or x.dim() != 4:
        return None
    kernel = tuple(attributes["kernel_shape"])
    if attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        return None
    return functional.max_pool2d(
        x,
        kernel,
        tuple(attributes.get("strides", (1, 1))),
        tuple(pads[:2]),
        tuple(attributes.get("dilations", (1, 1))),
    )


def _average_pool(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    (x,) = inputs
    assert x is not None
    pads = list(attributes.get("pads", [0] * 4))
    odd = attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID")
    if attributes.get("ceil_mode", 0) or pads[:2] != pads[2:] or x.dim() != 4 or odd:
        return None
    return functional.avg_pool2d(
        x,
        tuple(attributes["kernel_shape"]),
        tuple(attributes.get("strides", (1, 1))),
        tuple(pads[:2]),
        count_include_pad=bool(attributes.get("count_include_pad", 0)),
    )


def _reduce_mean(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    x, *rest = inputs
    assert x is not None
    axes = attributes.get("axes") or (rest[0].tolist() if rest and rest[0] is not None else [])
    if not axes or any(axis % x.dim() == 0 for axis in axes):
        return None
    return x.mean(tuple(axes), keepdim=bool(attributes.get("keepdims", 1)))


def _resize(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    x, *rest = inputs
    assert x is not None
    size = _resized(x, rest)
    if size is None:
        return None
    mode = attributes.get("mode", "nearest")
    places = attributes.get("coordinate_transformation_mode", "half_pixel")
    if mode == "nearest":
        fits = places == "asymmetric" and attributes.get("nearest_mode") == "floor"
        return functional.interpolate(x, size, mode="nearest") if fits else None
    if mode == "linear" and places in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        corners = places == "align_corners"
        return functional.interpolate(x, size, mode="bilinear", align_corners=corners)
    return None


def _resized(x: Tensor, rest: Sequence[Tensor | None]) -> list[int] | None:
    given = [*rest, None, None, None][1:3]
    sizes = next((one for one in reversed(given) if one is not None and one.numel() == 4), None)
    if x.dim() != 4 or sizes is None:
        return None
    if sizes.is_floating_point():
        return [int(side * factor) for side, factor in zip(x.shape[2:], sizes[2:], strict=True)]
    return [int(side) for side in sizes[2:]]


def _unary(function: Callable[[Tensor], Tensor]) -> Kernel:
    def kernel(_attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
        assert inputs[0] is not None
        return function(inputs[0])

    return kernel


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Kernel:
    def kernel(_attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
        a, b = inputs
        assert a is not None
        assert b is not None
        return function(a, b)

    return kernel


def _leaky(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    assert inputs[0] is not None
    return functional.leaky_relu(inputs[0], float(attributes.get("alpha", 0.01)))


def _hard_sigmoid(attributes: Attributes, inputs: Sequence[Tensor | None]) -> Tensor | None:
    assert inputs[0] is not None
    alpha, beta = float(attributes.get("alpha", 0.2)), float(attributes.get("beta", 0.5))
    return (inputs[0] * alpha + beta).clamp(0, 1)


KERNELS: dict[str, Kernel] = {
    "Add": _binary(torch.add),
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Concat": moving.concat,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "DepthToSpace": moving.depth_to_space,
    "Div": _binary(torch.div),
    "Dropout": _unary(lambda x: x),
    "Flatten": moving.flatten,
    "Gemm": _gemm,
    "GlobalAveragePool": _unary(lambda x: x.mean((2, 3), keepdim=True)),
    "HardSigmoid": _hard_sigmoid,
    "Identity": _unary(lambda x: x),
    "InstanceNormalization": _instance_norm,
    "LeakyRelu": _leaky,
    "MatMul": _matmul,
    "MaxPool": _max_pool,
    "Mul": _binary(torch.mul),
    "Pad": moving.pad,
    "PRelu": _prelu,
    "ReduceMean": _reduce_mean,
    "Relu": _unary(torch.relu),
    "Reshape": moving.reshape,
    "Resize": _resize,
    "Sigmoid": _unary(torch.sigmoid),
    "Sub": _binary(torch.sub),
    "Tanh": _unary(torch.tanh),
    "Transpose": moving.transpose,
}
