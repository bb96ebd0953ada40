"""Models on their way into the compiler: a PyTorch module, or a file in one of two formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from harness.compiler import onnx_graph
from harness.compiler.contract import sha256, weights_sha256
from harness.compiler.export import to_onnx
from harness.errors import CompileError
from harness.method import InputContract

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Source:
    """A model on its way into the compiler.

    Attributes:
        name: Name of the deployable.
        kind: Format of `data`.
        data: The model, eating float32 in units of the contract's range.
        contract: Which bytes it will eat.
        weights_sha256: Hash of the weights, or of the file where there is no module.
        seeds: Every seed by name.
    """

    name: str
    kind: Literal["onnx", "tflite"]
    data: bytes
    contract: InputContract
    weights_sha256: str
    seeds: dict[str, int]


def source_of_module(
    module: nn.Module,
    name: str,
    contract: InputContract,
    outputs: tuple[str, ...],
    seeds: Mapping[str, int] = MappingProxyType({}),
) -> Source:
    """Export a PyTorch module."""
    exported = to_onnx(module, contract, outputs)
    data = onnx_graph.infer_shapes(onnx_graph.with_normalisation(exported, contract))
    return Source(name, "onnx", data, contract, weights_sha256(module), dict(seeds))


def source_of_file(path: Path, contract: InputContract) -> Source:
    """Read an ONNX or TFLite file.

    Raises:
        CompileError: It is neither, its input is not the contract's, or it is TFLite and the
            contract normalises (nncase would do that on the CPU, over the whole picture).
    """
    kind: Literal["onnx", "tflite"] = "tflite" if path.suffix.lower() == ".tflite" else "onnx"
    stored = path.read_bytes() if kind == "tflite" else onnx_graph.read_file(path)
    data = stored
    if kind == "onnx":
        data = onnx_graph.with_fixed_batch(data)
        found = onnx_graph.graph_input(data)
        if found.shape[1:] != contract.shape:
            raise CompileError(
                f"{path.name} takes {found.shape[1:]} but the contract says {contract.shape}",
                "give the size with --shape C,H,W",
            )
        data = onnx_graph.infer_shapes(onnx_graph.with_normalisation(data, contract))
    elif contract.normalises:
        raise CompileError(
            "mean and std cannot be put into a TFLite model",
            "use --range LOW,HIGH where one range fits all channels, or convert it to ONNX",
        )
    return Source(path.stem, kind, data, contract, sha256(stored), {})
