"""What `k210 compile` was given: a file in one of two formats, or the user's module."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import CompileError

# The compiler needs PyTorch, and whoever only asks for a file's format or size does not.
if TYPE_CHECKING:
    from harness.compiler.source import Source
    from harness.method import InputContract

FILE_FORMATS = (".onnx", ".tflite")


def is_file(model: str) -> bool:
    """Whether the text names a model file rather than a factory."""
    return ":" not in model or Path(model).suffix.lower() in FILE_FORMATS


def input_shape(model: str) -> tuple[int, int, int] | None:
    """Return the picture size that a model file asks for; None for a factory.

    Raises:
        CompileError: The file is missing, of another format, or not a model of one picture.
    """
    if not is_file(model):
        return None
    path = Path(model)
    if path.suffix.lower() not in FILE_FORMATS:
        raise CompileError(
            f"{model} is neither a .onnx nor a .tflite file",
            "or name a PyTorch factory as package.module:factory",
        )
    if path.suffix.lower() == ".onnx":
        from harness.compiler import onnx_graph

        _, channels, height, width = onnx_graph.graph_input(onnx_graph.read_file(path)).shape
        return channels, height, width
    from harness.compiler import tflite_graph

    try:
        return tflite_graph.input_shape(path.read_bytes())
    except OSError as error:
        raise CompileError(f"{model} cannot be read: {error.strerror}") from error


def source_of(model: str, contract: InputContract) -> Source:
    """Return a model in the form that the compiler takes."""
    from harness.compiler.source import source_of_file, source_of_module
    from harness.pipeline.factory import load_module, output_names

    if is_file(model):
        return source_of_file(Path(model), contract)
    module = load_module(model)
    return source_of_module(module, model, contract, output_names(module, contract))
