"""The layers of a kmodel as bars of signal-to-noise ratio, column by column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.blame.groups import grouped, span, worst
from harness.report.numbers import decibels
from harness.report.schema import BlameRecord, LayerErrorRecord, LayerRecord, Report

TITLES = {
    "weights": "Weights",
    "activations": "Activations",
    "kpu": "Chip (simulated)",
    "nncase": "nncase",
    "board": "Board",
}
# A bar of full length; what is better looks the same.
_FULL_DB = 60.0
_BAD_DB, _POOR_DB = 25.0, 30.0


@dataclass(frozen=True)
class Bar:
    """One cell.

    Attributes:
        percent: Length of the bar.
        level: "bad", "poor", or "" for neither.
        alone: With exact inputs, in words; "" where that is not known.
        accumulated: Behind the column's own layers.
    """

    percent: float
    level: str
    alone: str
    accumulated: str


@dataclass(frozen=True)
class LayerBars:
    """One line: the layer, whether the verdict is about it, and a bar a column."""

    layer: LayerRecord
    blamed: bool
    bars: tuple[Bar | None, ...]


@dataclass(frozen=True)
class LayersView:
    """What the page shows of the layers.

    Attributes:
        titles: Of the columns.
        rows: In running order.
        lead: The verdict in one sentence.
        blame: The rest of what was found.
    """

    titles: tuple[str, ...]
    rows: tuple[LayerBars, ...]
    lead: str
    blame: BlameRecord


def layers_view(report: Report) -> LayersView | None:
    """Return the layers of a report, or None where nobody has looked at them."""
    if report.blame is None or not report.layers:
        return None
    known = {column for layer in report.layers for column in layer.accumulated}
    columns = [column for column in TITLES if column in known]
    rows = tuple(
        LayerBars(
            layer,
            layer.layer == report.blame.layer,
            tuple(_bar(layer, column) for column in columns),
        )
        for layer in _shown(report.layers, report.blame)
    )
    return LayersView(
        tuple(TITLES[column] for column in columns), rows, _lead(report.blame), report.blame
    )


def _shown(layers: Sequence[LayerRecord], blame: BlameRecord) -> Iterator[LayerRecord]:
    """Yield the layers; operations of one node are one, but for what is blamed or asked for."""

    def single(layer: LayerRecord) -> bool:
        asked = "nncase" in layer.accumulated or "board" in layer.accumulated
        return asked or layer.layer == blame.layer

    for first, *rest in grouped(layers, single):
        if not rest:
            yield first
            continue
        yield first.model_copy(
            update={
                "layer": span(first.layer, rest[-1].layer),
                "accumulated": rest[-1].accumulated,
                "alone": worst([layer.alone for layer in (first, *rest)]),
                "node": f"{first.node} ({len(rest) + 1} operations)",
            }
        )


def _lead(blame: BlameRecord) -> str:
    on = "on 1 picture" if blame.images == 1 else f"on {blame.images} pictures"
    if blame.stage == "none":
        return f"No stage is to blame, {on}."
    where = f", at {blame.layer}" if blame.layer else ""
    return f"To blame: {blame.stage}{where}, {on}."


def _bar(layer: LayerRecord, column: str) -> Bar | None:
    alone, accumulated = layer.alone.get(column), layer.accumulated.get(column)
    shown = alone or accumulated
    if shown is None:
        return None
    value = _FULL_DB if shown.snr_db is None else shown.snr_db
    level = "" if value >= _POOR_DB else "poor" if value >= _BAD_DB else "bad"
    # The order of the two keeps what is no number at no length.
    percent = 100 * min(max(0.0, value), _FULL_DB) / _FULL_DB
    return Bar(percent, level, _text(alone), _text(accumulated))


def _text(error: LayerErrorRecord | None) -> str:
    return "" if error is None else decibels(error.snr_db)
