"""What is checked: a method, the user's module, or a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from harness.compiler.source import Source, source_of_module
from harness.errors import MethodError, UsageError
from harness.method import InputContract, Shipping, available
from harness.method import get as get_method
from harness.pipeline.factory import load_module, output_names
from harness.pipeline.source import is_file, source_of

if TYPE_CHECKING:
    from torch import nn

NOISE_IMAGES = 8

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Subject:
    """A model on its way into a check.

    Attributes:
        source: The model.
        images: uint8 [N, C, H, W], what quantisation looks at.
        modules: PyTorch module by name → class; empty for a file.
        rewrites: Requests to the legaliser.
        noise: Whether the images are noise, so that figures of accuracy would mean nothing.
    """

    source: Source
    images: Images
    modules: Mapping[str, str]
    rewrites: Mapping[str, str]
    noise: bool


def subject_of(
    model: str,
    contract: InputContract,
    images: Images | None = None,
    checkpoint: Path | None = None,
) -> Subject:
    """Return a model in the form that is checked.

    Args:
        model: Name of a method, package.module:factory, or path of an ONNX or TFLite file.
        contract: Its input; a method has its own.
        images: Calibration images; None for noise. A method has its own.
        checkpoint: Weights of a method; None for those that come with it.

    Raises:
        HarnessError: There is no such model, or it fails.
    """
    if model in available():
        return _method(model, checkpoint)
    if checkpoint is not None:
        raise UsageError(f"--checkpoint is for methods, and {model} is none", "leave it out")
    pictures = _noise(contract) if images is None else images
    if is_file(model):
        return Subject(source_of(model, contract), pictures, {}, {}, images is None)
    module = load_module(model)
    source = source_of_module(module, model, contract, output_names(module, contract))
    return Subject(source, pictures, _classes(module), {}, images is None)


def _method(name: str, checkpoint: Path | None) -> Subject:
    method = get_method(name)
    if checkpoint is None and isinstance(method, Shipping):
        checkpoint = method.shipped()
    if checkpoint is None:
        raise MethodError(
            f"method {name} comes without weights",
            "train it and give --checkpoint, or name the factory of its network",
        )
    one = method.deployable(checkpoint)
    source = source_of_module(one.module, one.name, one.contract, one.outputs, one.seeds)
    return Subject(source, one.calibration, _classes(one.module), one.rewrites, noise=False)


def _classes(module: nn.Module) -> dict[str, str]:
    return {name: type(one).__name__ for name, one in module.named_modules()}


def _noise(contract: InputContract) -> Images:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (NOISE_IMAGES, *contract.shape), dtype=np.uint8)
