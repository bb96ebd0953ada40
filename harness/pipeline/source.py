"""What `k210 compile` was given: a file in one of two formats, or the user's module."""

from __future__ import annotations

from pathlib import Path

from harness.compiler import onnx_graph, tflite_graph
from harness.compiler.build import Source, source_of_deployable, source_of_file
from harness.errors import CompileError
from harness.method import EvaluationSet, InputContract, Tolerance
from harness.pipeline.factory import deployable_of, load_module

FILE_FORMATS = (".onnx", ".tflite")


def is_file(model: str) -> bool:
    """Whether the text names a model file rather than a factory."""
    return ":" not in model or Path(model).suffix in FILE_FORMATS


def input_shape(model: str) -> tuple[int, int, int] | None:
    """Return the picture size that a model file asks for; None for a factory.

    Raises:
        CompileError: The file is missing, of another format, or not a model of one picture.
    """
    if not is_file(model):
        return None
    path = Path(model)
    if path.suffix not in FILE_FORMATS:
        raise CompileError(
            f"{model} is neither a .onnx nor a .tflite file",
            "or name a PyTorch factory as package.module:factory",
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CompileError(f"{model} cannot be read: {error.strerror}") from error
    if path.suffix == ".tflite":
        return tflite_graph.input_shape(data)
    _, channels, height, width = onnx_graph.graph_input(data).shape
    return channels, height, width


def source_of(model: str, contract: InputContract) -> Source:
    """Return a model in the form that the compiler takes."""
    if is_file(model):
        return source_of_file(Path(model), contract)
    import numpy as np

    nothing = np.zeros((0, *contract.shape), np.uint8)
    deployable = deployable_of(
        load_module(model), model, contract, nothing, EvaluationSet((), nothing), Tolerance()
    )
    return source_of_deployable(deployable)
