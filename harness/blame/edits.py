"""Where `contract.json` is not the contract that the model was made with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from harness.blame.wording import listed
from harness.compiler.contract import CONTRACT_FILE, ONNX_FILE
from harness.compiler.onnx_graph import normalisation
from harness.method import InputContract

# What decides which numbers the bytes of a picture stand for.
_FIELDS = ("color", "range", "mean", "std")
# Mean and std stand in the ONNX model as float32, divided by one another.
_SAME = 1e-4


def contract_edits(
    now: InputContract, made: InputContract | None, onnx: bytes, witness: str
) -> tuple[str, ...]:
    """Return what differs, a line each.

    Args:
        now: What `contract.json` says.
        made: What the run was made with, as it is written elsewhere; None where that is unknown.
        onnx: The model that was compiled, its normalisation in it.
        witness: Where `made` is written.
    """
    lines = list(_differences(now, made, witness)) if made is not None else []
    told = any(field in line for line in lines for field in ("mean", "std"))
    return tuple(lines if told else [*lines, *_normalisation(now, onnx)])


def turned_line(now: InputContract) -> str:
    """Return the line for pictures that are the run's with their channels turned round."""
    return (
        f"{CONTRACT_FILE} says color {now.color}, and the run's pictures are found again with "
        f"{now.color[::-1]} only"
    )


def _differences(now: InputContract, made: InputContract, witness: str) -> Iterator[str]:
    for field in _FIELDS:
        here, there = getattr(now, field), getattr(made, field)
        if here != there:
            yield (
                f"{CONTRACT_FILE} says {field} {_shown(here)}, and {witness}, which kept what the "
                f"run was made with, {_shown(there)}"
            )


def _normalisation(now: InputContract, onnx: bytes) -> Iterator[str]:
    """Yield where mean and std are not those that stand in the ONNX model."""
    if not now.normalises:
        return
    found = normalisation(onnx)
    if found is None:
        yield (
            f"{CONTRACT_FILE} says mean {_shown(now.mean)} and std {_shown(now.std)}, "
            f"{ONNX_FILE} normalises nothing"
        )
        return
    mean, std = found
    if not mean:  # a fix has changed the layer
        return
    close = np.allclose(mean, now.mean, _SAME, _SAME) and np.allclose(std, now.std, _SAME)
    if not close:
        yield (
            f"{CONTRACT_FILE} says mean {_shown(now.mean)} and std {_shown(now.std)}, "
            f"{ONNX_FILE} normalises with mean {_shown(mean)} and std {_shown(std)}"
        )


def _shown(value: str | Sequence[float]) -> str:
    if isinstance(value, str):
        return value
    return listed([f"{one:.4g}" for one in value]) if len(value) > 1 else f"{value[0]:.4g}"
