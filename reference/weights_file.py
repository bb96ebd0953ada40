"""Checkpoint files of all methods: weights as safetensors, and a method's own words beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import safetensors.torch
from torch import Tensor, nn

from harness.errors import MethodError
from harness.files import write_bytes

FILE_NAME = "checkpoint.safetensors"

Network = TypeVar("Network", bound=nn.Module)


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


def weights_of(parts: Mapping[str, nn.Module | None]) -> dict[str, Tensor]:
    """Return the weights of those networks that there are, as a file keeps them: prefix → network.

    A prefix ends in a dot, or is empty where there is one network only.
    """
    return {
        f"{prefix}{name}": tensor.detach().cpu().contiguous()
        for prefix, part in parts.items()
        if part is not None
        for name, tensor in part.state_dict().items()
    }


def filled(network: Network, weights: Mapping[str, Tensor], prefix: str, size: str) -> Network:
    """Return a network with its weights out of a file's, in evaluation mode.

    Args:
        network: Built as the file's words say.
        weights: Of the whole file.
        prefix: As in `weights_of`.
        size: What the words say, for the error.

    Raises:
        MethodError: They are not those of such a network.
    """
    own = {
        name.removeprefix(prefix): tensor
        for name, tensor in weights.items()
        if name.startswith(prefix)
    }
    try:
        network.load_state_dict(own)
    except RuntimeError as error:
        raise MethodError(
            f"the checkpoint's weights {prefix}* are not those of {size}",
            "the file is damaged or was put together by hand: train afresh",
        ) from error
    return network.eval()


def check_start(had: Mapping[str, float | str], asked: Any) -> None:  # noqa: ANN401  any settings
    """Make sure that a training can start from the networks of a checkpoint.

    Args:
        had: Options that their size depends on, as the checkpoint has them.
        asked: The settings of the training, with an attribute for each.

    Raises:
        MethodError: Some are others.
    """
    wrong = {name: value for name, value in had.items() if getattr(asked, name) != value}
    if wrong:
        found = " and ".join(f"{name} {_text(value)}" for name, value in wrong.items())
        wanted = " and ".join(f"{name} {_text(getattr(asked, name))}" for name in wrong)
        raise MethodError(
            f"the checkpoint has {found}, and {wanted} was asked for",
            "add " + " ".join(f"--set {name}={_text(value)}" for name, value in wrong.items()),
        )


def _text(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
