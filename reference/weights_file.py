"""Checkpoint files of all methods: weights as safetensors, and a method's own words beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from harness.errors import MethodError
from harness.files import write_bytes

FILE_NAME = "checkpoint.safetensors"


def write(path: Path, method: str, weights: Mapping[str, Tensor], words: Mapping[str, Any]) -> None:
    """Write a checkpoint, whole or not at all; the same content gives the same bytes.

    Args:
        path: The file.
        method: Name of the method.
        weights: Contiguous tensors by name.
        words: JSON values: what is needed to build the networks.
    """
    # All under one name: safetensors writes several in an order that changes from run to run.
    metadata = {method: json.dumps(words, sort_keys=True)}
    write_bytes(path, safetensors.torch.save(dict(weights), metadata))


def read(path: Path, method: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the weights and the words of a method's checkpoint.

    Raises:
        MethodError: There is no such file, it is damaged, or another method wrote it.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise MethodError(
            f"{path} cannot be read as a checkpoint: {error}",
            f"give the {FILE_NAME} that a training wrote",
        ) from error
    if method not in metadata:
        raise MethodError(f"{path} is no checkpoint of {method}", f"give one that {method} wrote")
    return weights, json.loads(metadata[method])
