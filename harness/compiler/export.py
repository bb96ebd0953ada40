"""PyTorch module → ONNX bytes that nncase 1.9 can import."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness.errors import CompileError
from harness.method import InputContract

INPUT_NAME = "image"
# The newest operator set whose operations nncase 1.9.0 reads; newer ones move attributes such as
# ReduceMean's axes to inputs, which its importer does not look at.
OPSET = 13


def as_tuple(result: Any) -> tuple[Any, ...]:  # noqa: ANN401  whatever a module returns
    """Return the results of a module in one form: a tuple."""
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def run_once(module: nn.Module, contract: InputContract) -> tuple[torch.Tensor, ...]:
    """Run a blank picture through the module and return its outputs as a tuple.

    Raises:
        CompileError: The module fails on the shape its contract promises, or returns something
            else than tensors.
    """
    try:
        with torch.no_grad():
            result = module(torch.zeros(1, *contract.shape))
    except Exception as error:  # it is the user's code
        raise CompileError(
            f"the module fails on an input of shape {(1, *contract.shape)}: {_first_line(error)}",
            "check the contract's shape (--shape C,H,W) against what the module expects",
        ) from error
    outputs = as_tuple(result)
    if not all(isinstance(output, torch.Tensor) for output in outputs):
        kinds = ", ".join(type(output).__name__ for output in outputs)
        raise CompileError(f"the module returns {kinds}", "return one tensor or a tuple of tensors")
    for position, output in enumerate(outputs):
        if output.shape[:1] != (1,):
            raise CompileError(
                f"output {position} has shape {tuple(output.shape)}, which does not begin with "
                "the batch size 1",
                "keep the batch axis: return [N, …]",
            )
    return outputs


def to_onnx(module: nn.Module, contract: InputContract, outputs: tuple[str, ...]) -> bytes:
    """Export a module as it is: float32 [1, C, H, W], normalised, in.

    Raises:
        CompileError: The module cannot be exported, or has not `len(outputs)` results.
    """
    found = len(run_once(module.eval(), contract))
    if found != len(outputs):
        raise CompileError(
            f"the module returns {found} tensors but {len(outputs)} output names are given: "
            f"{', '.join(outputs)}"
        )
    try:
        with _quiet_exporter(), tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            torch.onnx.export(
                module,
                (torch.zeros(1, *contract.shape),),
                path,
                input_names=[INPUT_NAME],
                output_names=list(outputs),
                opset_version=OPSET,
                dynamo=False,
            )
            return path.read_bytes()
    except OSError as error:  # a full disk, say: not the module's fault
        error.filename = error.filename or tempfile.gettempdir()
        raise
    except Exception as error:
        raise CompileError(
            f"PyTorch could not export the module to ONNX: {_first_line(error)}",
            f"replace the operation with one that ONNX operator set {OPSET} has",
            output=str(error),
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep the exporter's own remarks (deprecation, tracing) off the user's screen."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
