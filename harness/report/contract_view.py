"""The input contract in words: what a person has to feed the model, and what made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.views import flatten

_RESIZE = {
    "center_crop": "the largest centred rectangle of the right proportions, scaled (center_crop)",
    "stretch": "scaled without regard to proportions (stretch)",
    "letterbox": "scaled whole onto a black ground (letterbox)",
}

# Told in words, or in a section of their own.
_TOLD = frozenset({"schema", "input", "outputs", "calibration", "stock", "stock_refusal"})


def contract_rows(contract: Mapping[str, Any]) -> dict[str, str]:
    """Return what `contract.json` says as title → text; fields it does not know come last."""
    rest = {key: value for key, value in contract.items() if key not in _TOLD}
    return _capitalised(
        {
            **_input_rows(contract.get("input") or {}),
            **_output_rows(contract.get("outputs", ())),
            **_stock_rows(contract),
            **flatten(rest),
        }
    )


def calibration_rows(contract: Mapping[str, Any]) -> dict[str, str]:
    """Return how quantisation took its ranges, as title → text."""
    return _capitalised(flatten(contract.get("calibration") or {}))


def _capitalised(rows: Mapping[str, str]) -> dict[str, str]:
    return {title[:1].upper() + title[1:]: text for title, text in rows.items()}


def _input_rows(record: Mapping[str, Any]) -> dict[str, str]:
    if not record:
        return {}
    channels, height, width = record["shape"]
    low, high = record["range"]
    return {
        "picture": f"{width} × {height} pixels, {record['color']}",
        "bytes": f"{record['dtype']}, {record['layout']}, shape [1, {channels}, {height}, {width}]",
        "scaling": f"byte 0 is {low:g}, byte 255 is {high:g} (inside the model)",
        "normalisation": _normalisation(record["mean"], record["std"]),
        "other sizes": _RESIZE.get(record["resize"], str(record["resize"])),
    }


def _normalisation(mean: Sequence[float], std: Sequence[float]) -> str:
    if not any(mean) and all(value == 1 for value in std):
        return "none"
    means, stds = (", ".join(f"{value:g}" for value in values) for values in (mean, std))
    return f"(x − mean) / std (inside the model): mean {means}; std {stds}"


def _output_rows(outputs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    if not outputs:
        return {}
    told = (f"{one['name']} [{', '.join(str(side) for side in one['shape'])}]" for one in outputs)
    return {"outputs": ", ".join(told)}


def _stock_rows(contract: Mapping[str, Any]) -> dict[str, str]:
    """Return the same model in versions that stock firmware loads, or why there is none."""
    files = contract.get("stock", ())
    if not files:
        refusal = contract.get("stock_refusal", "")
        return {"for stock firmware": f"none: {refusal}"} if refusal else {}
    told = (f"{one['file']} (kmodel v{one['version']}, sha256 {one['sha256']})" for one in files)
    return {"for stock firmware": ", ".join(told)}
