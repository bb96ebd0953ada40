"""The figures of a run in the form that `report.json` keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from harness.backends.base import BackendResult
from harness.compare import Comparison, OutputComparison
from harness.compare.item_scores import item_scores
from harness.compare.latency import histogram, summarise
from harness.method import Deployable
from harness.pipeline import classification
from harness.report.schema import (
    BackendRecord,
    BoardRecord,
    ComparisonRecord,
    DisagreementRecord,
    HistogramRecord,
    LatencyRecord,
)

# File name → (PNG bytes, caption, what it shows).
Pictures = dict[str, tuple[bytes, str, str]]


def comparison_records(comparisons: tuple[Comparison, ...]) -> tuple[ComparisonRecord, ...]:
    """Return comparisons as `report.json` keeps them, one record an output."""
    return tuple(
        _comparison_record(entry, comparison)
        for comparison in comparisons
        for entry in comparison.outputs.values()
    )


def backend_record(
    deployable: Deployable, result: BackendResult, predicted: classification.Predictions
) -> BackendRecord:
    """Return one backend's metrics, latency and confusion matrix."""
    latency, times = summarise(result.latency_ms), histogram(result.latency_ms)
    metrics = deployable.metrics
    return BackendRecord(
        metrics=metrics(result.outputs, deployable.evaluation) if metrics else {},
        latency_ms=LatencyRecord(**asdict(latency)) if latency else None,
        latency_histogram=HistogramRecord(**asdict(times)) if times else None,
        environment=result.environment,
        confusion=classification.confusion_of(deployable.evaluation, predicted.get(result.backend)),
    )


def board_record(results: Mapping[str, BackendResult]) -> BoardRecord | None:
    """Return which board ran, if one did."""
    described = next((one.board for one in results.values() if one.board), None)
    return BoardRecord.model_validate(dict(described)) if described else None


def _comparison_record(entry: OutputComparison, comparison: Comparison) -> ComparisonRecord:
    values = asdict(entry)
    limits = values.pop("tolerance") or {}
    return ComparisonRecord(
        reference=comparison.reference,
        candidate=comparison.candidate,
        within_tolerance=entry.within_tolerance,
        tolerance={name: value for name, value in limits.items() if value is not None},
        tolerance_that_would_pass=entry.tolerance_that_would_pass,
        **values,
    )


def items(
    deployable: Deployable,
    results: Mapping[str, BackendResult],
    predicted: classification.Predictions,
) -> list[dict[str, Any]]:
    """Return the lines of `items.jsonl`: what went in, and what each backend made of it."""
    evaluation = deployable.evaluation
    names = evaluation.classes
    scores = _scores(deployable, results)
    return [
        {
            "id": identifier,
            "sha256": hashlib.sha256(evaluation.inputs[index].tobytes()).hexdigest(),
            "label": classification.label_of(evaluation, index),
            **{backend: names[classes[index]] for backend, classes in predicted.items()},
            "scores": {
                backend: {name: values[index] for name, values in found.items()}
                for backend, found in scores.items()
            },
            "latency_ms": {
                name: round(float(result.latency_ms[index]), 4)
                for name, result in results.items()
                if index < len(result.latency_ms)
            },
        }
        for index, identifier in enumerate(evaluation.ids)
    ]


def _scores(
    deployable: Deployable, results: Mapping[str, BackendResult]
) -> dict[str, dict[str, tuple[float, ...]]]:
    """Return backend → task metric → one value an item, of the metrics that are means."""
    if deployable.metrics is None:
        return {}
    return {
        name: item_scores(deployable.metrics, result.outputs, deployable.evaluation)
        for name, result in results.items()
    }


def disagreements(
    deployable: Deployable, predicted: classification.Predictions
) -> tuple[tuple[DisagreementRecord, ...], Pictures]:
    """Return the items that not all backends take for the same class, and their pictures."""
    evaluation = deployable.evaluation
    pictures: Pictures = {}
    records = []
    for index in classification.disagreeing_items(predicted):
        file = None
        if len(pictures) < classification.MAX_PICTURES:
            file, data = classification.picture_of(deployable, index)
            pictures[file] = (data, evaluation.ids[index], "backends disagree on its class")
        records.append(
            DisagreementRecord(
                id=evaluation.ids[index],
                label=classification.label_of(evaluation, index),
                predictions={
                    name: evaluation.classes[found[index]] for name, found in predicted.items()
                },
                picture=f"pictures/{file}" if file else None,
            )
        )
    return tuple(records), pictures
