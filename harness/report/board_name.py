"""The backend `board` by its full name: a reader may see one table or one chart, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from harness.report.schema import ComparisonRecord, CrossValidationRecord, Report

BACKEND = "board"

Value = TypeVar("Value")


def with_named_board(report: Report) -> Report:
    """Return a report in which the backend `board` has its kind in its name."""
    if report.board is None:
        return report
    name = f"{report.board.kind} {BACKEND}"
    folded = report.cross_validation
    return report.model_copy(
        update={
            "backends": _keys(report.backends, name),
            "comparisons": _comparisons(report.comparisons, name),
            "disagreements": tuple(
                one.model_copy(update={"predictions": _keys(one.predictions, name)})
                for one in report.disagreements
            ),
            "cross_validation": _folded(folded, name) if folded else None,
        }
    )


def _keys(values: Mapping[str, Value], name: str) -> dict[str, Value]:
    return {name if key == BACKEND else key: value for key, value in values.items()}


def _comparisons(
    comparisons: tuple[ComparisonRecord, ...], name: str
) -> tuple[ComparisonRecord, ...]:
    return tuple(
        one.model_copy(
            update={
                side: name for side in ("reference", "candidate") if getattr(one, side) == BACKEND
            }
        )
        for one in comparisons
    )


def _folded(folded: CrossValidationRecord, name: str) -> CrossValidationRecord:
    return folded.model_copy(
        update={
            "accuracy": _keys(folded.accuracy, name),
            "intervals": _keys(folded.intervals, name),
            "fold_accuracy": _keys(folded.fold_accuracy, name),
            "comparisons": _comparisons(folded.comparisons, name),
        }
    )
