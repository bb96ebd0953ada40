"""Outputs that are pictures, as people compare them: what went in, and what each backend made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from harness.backends.base import BackendResult
from harness.data.sheet import in_lines, sheet
from harness.method import Deployable
from harness.pipeline.folder import file_name

if TYPE_CHECKING:
    from harness.method import Images

# Smaller maps are codes; a sheet of more columns is not looked at.
MIN_SIDE, MAX_COLUMNS = 8, 8
_WIDTH = 1000
# Of the values that stand for black and white, so that one stray value does not darken all.
_PERCENTILES = 0.5, 99.5


def output_pictures(
    deployable: Deployable, results: Mapping[str, BackendResult]
) -> dict[str, tuple[bytes, str, str]]:
    """Return a sheet for every output that is a picture of one or three channels.

    Returns:
        File name → (PNG bytes, caption, what it shows).
    """
    found = {}
    for name in deployable.outputs:
        outputs = {backend: result.outputs[name] for backend, result in results.items()}
        first = next(iter(outputs.values()))
        if is_picture(first):
            data = _sheet(deployable.evaluation.inputs, outputs)
            found[f"output-{file_name(name)}.png"] = (data, name, "inputs, and each backend's")
    return found


def is_picture(output: npt.NDArray[np.float32]) -> bool:
    """Return whether an output [N, …] is one of pictures: one or three channels, 8x8 or more."""
    return output.ndim == 4 and output.shape[1] in (1, 3) and min(output.shape[2:]) >= MIN_SIDE


def _sheet(inputs: Images, outputs: Mapping[str, npt.NDArray[np.float32]]) -> bytes:
    columns = min(MAX_COLUMNS, len(inputs))
    reference = next(iter(outputs.values()))[:columns]
    low, high = _range(reference)
    rows = [(name, _bytes(output[:columns], low, high)) for name, output in outputs.items()]
    if inputs.shape[2:] == reference.shape[2:] and inputs.shape[1] in (1, 3):
        rows.insert(0, ("input", inputs[:columns]))
    zoom = max(1, _WIDTH // (columns * reference.shape[3]))
    return sheet(in_lines(rows, columns), zoom)


def _range(values: npt.NDArray[np.float32]) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(one) for one in np.percentile(finite, _PERCENTILES))
    return (low, high) if high > low else (low, low + 1.0)


def _bytes(output: npt.NDArray[np.float32], low: float, high: float) -> Images:
    levels = np.clip(np.nan_to_num((output - low) / (high - low), nan=0.0), 0, 1)
    return np.asarray((levels * 255).round(), np.uint8)
