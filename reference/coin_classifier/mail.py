"""The table that the V-Training service mails after a training, with its words."""

from __future__ import annotations

import numpy as np

from reference.coin_classifier.history import History

TITLE = ("Your Model Parameters", "value")


def mail_table(history: History) -> dict[str, str] | None:
    """Return the rows of the mail by name, or None while the training is not over.

    Numbers are printed as the service prints them: a float32 in the digits of a float64, so that
    101 right of 102 read 0.9901960492134094.
    """
    if history.final_train is None or history.final_valid is None:
        return None
    return {
        "Final Loss": float32_text(history.final_train.loss),
        "Final Accuracy": float32_text(history.final_train.accuracy),
        "Final Validation Loss": float32_text(history.final_valid.loss),
        "Final Validation Accuracy": float32_text(history.final_valid.accuracy),
        "Model": f"Mobilenet V1 Alpha{history.width} Depth: 1",
    }


def float32_text(value: float) -> str:
    """Return the shortest decimal of the float64 that equals `value` rounded to float32."""
    return str(float(np.float32(value)))


def mail_text(table: dict[str, str]) -> str:
    """Return the table as aligned text."""
    rows = [TITLE, *table.items()]
    widest = max(len(name) for name, _ in rows)
    return "".join(f"{name:<{widest}}  {value}\n" for name, value in rows)
