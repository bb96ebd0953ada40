"""What a run wrote down of PyTorch's outputs, against the ONNX model that was compiled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.backends.floating import to_float
from harness.blame.graph import Graph
from harness.blame.result import Stage
from harness.blame.tally import Tally
from harness.blame.units import Codes
from harness.method import InputContract

Images = npt.NDArray[np.uint8]
Outputs = Mapping[str, npt.NDArray[np.float32]]

# Two float32 implementations of one network agree to 100 dB and better.
FLOAT_AGREES_DB = 50.0
_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class FloatFinding:
    """What the recorded float outputs say.

    Attributes:
        stage: The stage that is to blame; None where they agree.
        evidence: Lines with numbers.
    """

    stage: Stage | None
    evidence: tuple[str, ...]


def check_floats(
    graph: Graph, contract: InputContract, images: Images, recorded: Outputs
) -> FloatFinding:
    """Compare recorded outputs of PyTorch with the ONNX model on the same bytes.

    Where they differ, other ways to prepare the pictures are tried: what brings the agreement
    back is what the float side did.

    Args:
        graph: The ONNX model, which takes pictures in units of the contract's range.
        contract: What the bytes should stand for.
        images: uint8 [N, C, H, W].
        recorded: float32 [N, …] by name, in the graph's order of outputs.
    """
    given = Codes.of_bytes(contract.range)
    as_is = _agreement(graph, given.decode_images(images), recorded)
    if as_is >= FLOAT_AGREES_DB:
        line = f"PyTorch's recorded outputs agree with the ONNX model to {as_is:.0f} dB"
        return FloatFinding(None, (line,))
    best, text = max(
        (_agreement(graph, pictures, recorded), text)
        for text, pictures in _hypotheses(images, contract)
    )
    differs = (
        f"PyTorch's recorded outputs agree with the ONNX model to {as_is:.1f} dB only "
        f"(limit {FLOAT_AGREES_DB:.0f} dB)"
    )
    if best >= FLOAT_AGREES_DB:
        again = f"the agreement comes back, to {best:.0f} dB, if the float side {text}"
        return FloatFinding("input contract", (again, differs))
    tried = "no other colours, mean, range or order of bytes explains it: the export differs"
    return FloatFinding("compiler", (differs, f"{tried} (best: {best:.1f} dB, it {text})"))


def _agreement(graph: Graph, pictures: Tensor, recorded: Outputs) -> float:
    values = graph.run(pictures)
    tally = Tally()
    for name, output in zip(graph.outputs, recorded.values(), strict=True):
        reference = values[name]
        tally.add(reference.flatten(), torch.from_numpy(np.array(output)).flatten())
    found = tally.error().snr_db
    return 200.0 if found is None else found


def _hypotheses(images: Images, contract: InputContract) -> Iterator[tuple[str, Tensor]]:
    """Yield other ways to prepare the pictures, as the graph would have to be given them."""
    given = Codes.of_bytes(contract.range)
    count, channels, height, width = images.shape
    if channels > 1:
        letters = contract.color
        yield f"took {letters[::-1]} for {letters}", given.decode_images(images[:, ::-1])
        pixels = images.reshape(count, height, width, channels).transpose(0, 3, 1, 2)
        yield "read the bytes as pixels (NHWC)", given.decode_images(pixels)
        planes = images.transpose(0, 2, 3, 1).reshape(images.shape)
        yield "had pixels (NHWC) where planes are", given.decode_images(planes)
    for text, other in _normalisations(contract):
        wrong = to_float(images, other)
        std = np.asarray(contract.std, np.float32)[:, None, None]
        mean = np.asarray(contract.mean, np.float32)[:, None, None]
        # The graph normalises by the contract: what it is given has to undo that.
        yield text, torch.from_numpy(np.asarray(wrong * std + mean, np.float32))


def _normalisations(contract: InputContract) -> Iterator[tuple[str, InputContract]]:
    for low, high in ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (-0.5, 0.5)):
        if (low, high) != tuple(contract.range):
            text = f"used the range {low:g} to {high:g} without mean and std"
            yield text, replace(contract, range=(low, high), mean=(), std=())
    if contract.normalises:
        yield "left out mean and std", replace(contract, mean=(), std=())
        yield "left out the mean", replace(contract, mean=())
        yield "left out the std", replace(contract, std=())
    if contract.shape[0] == 3:
        mean, std = _IMAGENET
        scaled = replace(contract, range=(0.0, 1.0), mean=mean, std=std)
        yield "used ImageNet's mean and std", scaled
        turned = replace(scaled, mean=mean[::-1], std=std[::-1])
        yield "used ImageNet's mean and std in the order BGR", turned
    half = (0.5,) * contract.shape[0]
    yield "used mean 0.5 and std 0.5", replace(contract, range=(0.0, 1.0), mean=half, std=half)
