"""What nncase says when it refuses a model, put into words a person can act on."""

from __future__ import annotations

import re

from harness.compiler.onnx_graph import layers_of, operator_types
from harness.errors import CompileError

_UNKNOWN_OPERATOR = re.compile(r"Not supported ONNX opcode: (\w+)")
_UNKNOWN_TFLITE_OPERATOR = re.compile(r"Not supported tflite opcode: (\w+)", re.IGNORECASE)
_UNKNOWN_UNARY = re.compile(r"Unsupported unary op for nnil: unary_(\w+)")
_NO_EMITTER = re.compile(r"Emitter for (.+?)\((\w+)\)\[(\w+)\] is not found")


def explain(error: CompileError, onnx: bytes | None) -> CompileError:
    """Name the operation and the layer that nncase refused.

    Args:
        error: What the worker reported.
        onnx: The model, to find layer names in; None for TFLite.
    """
    text = error.cause
    cause, remedy = _unknown_operator(text, onnx) or _known_failure(text)
    return CompileError(cause, remedy, output=error.output) if cause else error


def _unknown_operator(text: str, onnx: bytes | None) -> tuple[str, str] | None:
    remedy = "replace it by operations that nncase 1.9 has, or leave it out of the exported part"
    if match := _NO_EMITTER.search(text):
        layer, operation, _ = match.groups()
        return f"nncase cannot compile operation {operation} at layer {layer}", remedy
    if match := _UNKNOWN_OPERATOR.search(text) or _UNKNOWN_TFLITE_OPERATOR.search(text):
        operation = match.group(1)
        return f"nncase does not know operation {operation}{_at(operation, onnx)}", remedy
    if match := _UNKNOWN_UNARY.search(text):
        operation = _onnx_name(match.group(1), onnx)
        return f"nncase cannot compile operation {operation}{_at(operation, onnx)}", remedy
    return None


def _known_failure(text: str) -> tuple[str, str]:
    if "ran out of memory" in text or "Allocator has ran out of memory" in text:
        return (
            "the model does not fit the K210: input and output of some layer need more than the "
            "2 MiB of KPU memory, narrow maps rounded up to 16, 32 or 64 columns",
            "use fewer channels or a smaller picture in the widest layers",
        )
    if "bad optional access" in text:
        return (
            "nncase could not find the shape of a tensor (bad optional access)",
            "use 2-D operations with fixed sizes; 3-D convolutions and dynamic shapes are not "
            "supported",
        )
    return "", ""


def _onnx_name(unary: str, onnx: bytes | None) -> str:
    types = operator_types(onnx) if onnx else set()
    return next((name for name in types if name.lower() == unary), unary)


def _at(operation: str, onnx: bytes | None) -> str:
    layers = layers_of(onnx, operation) if onnx else []
    return f" at layer {', '.join(layers)}" if layers else ""
