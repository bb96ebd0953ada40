"""Plots as inline SVG that takes its text colour, font and width from the page around it."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness.report.extra import report_extra
from harness.report.schema import CrossValidationRecord, LatencyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"

# Matplotlib wants colours it knows; these stand for the page's own, put in afterwards.
_INK, _ACCENT, _FAINT = "#010203", "#010204", "#010205"
_THEME = {_INK: "currentColor", _ACCENT: "var(--accent)", _FAINT: "var(--line)"}

# So narrow that the text is still readable when a phone scales the figure down.
_WIDTH_INCHES = 4.4
_SETTINGS: Mapping[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 10.0,
    "axes.edgecolor": _FAINT,
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "x",
    "axes.axisbelow": True,
    "grid.color": _FAINT,
}


def latency(records: Mapping[str, LatencyRecord]) -> str:
    """Draw p50, p95 and p99 of each backend in milliseconds, on a logarithmic scale."""
    with report_extra():
        from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    with _style("latency"):
        figure, axes = _rows(list(records))
        for row, record in enumerate(records.values()):
            values = (record.p50, record.p95, record.p99)
            axes.plot((values[0], values[-1]), (row, row), color=_ACCENT, lw=2)
            for value, marker in zip(values, ("o", "|", "|"), strict=True):
                axes.plot(value, row, marker, color=_ACCENT, ms=9, mew=2)
        axes.set_xscale("log")
        axes.set_xlim(
            *_log_limits([value for one in records.values() for value in (one.p50, one.p99)])
        )
        axes.xaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("ms an item: ● p50, | p95 and p99")
        return _svg(figure, "latency", "Latency percentiles of each backend in milliseconds")


def cross_validation(record: CrossValidationRecord) -> str:
    """Draw each backend's accuracy with its Wilson interval, and a ring for each fold."""
    with _style("folds"):
        figure, axes = _rows(list(record.accuracy))
        for row, (name, accuracy) in enumerate(record.accuracy.items()):
            folds = record.fold_accuracy.get(name, ())
            axes.plot(folds, [row] * len(folds), "o", mfc="none", mec=_INK, ms=6)
            if name in record.intervals:
                axes.plot(record.intervals[name], (row, row), color=_ACCENT, lw=2)
            axes.plot(accuracy, row, "o", color=_ACCENT, ms=9)
        axes.set_xlabel("accuracy: ● all items, — 95 % interval, ○ one fold")
        return _svg(figure, "folds", "Accuracy of each backend with its 95 % interval and folds")


@contextmanager
def _style(name: str) -> Iterator[None]:
    """Draw by our settings alone, whatever the user's matplotlibrc says."""
    with report_extra():
        import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_SETTINGS, "svg.hashsalt": name})
        yield


def _rows(names: Sequence[str]) -> tuple[Figure, Axes]:
    """Return axes with one line a backend, the first on top."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH_INCHES, 0.8 + 0.42 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.margins(x=0.04)
    return figure, axes


def _log_limits(values: Sequence[float]) -> tuple[float, float]:
    """Return limits around positive values, wide enough for two of the ticks at 1, 2, 5, 10."""
    low, high = min(values) / 1.3, max(values) * 1.3
    return low, max(high, 6.25 * low)


def _svg(figure: Figure, name: str, description: str) -> str:
    """Return a figure as one SVG element, its ids made unique on the page by `name`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    root = ET.fromstring(buffer.getvalue())
    for metadata in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(metadata)
    for element in root.iter():
        _localise(element, name)
    for size in ("width", "height"):
        root.attrib.pop(size)
    root.set("role", "img")
    root.set("aria-label", description)
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _XLINK)
    return ET.tostring(root, encoding="unicode")


def _localise(element: ET.Element, name: str) -> None:
    """Make ids unique, references follow them, and colours those of the page."""
    for key, value in element.attrib.items():
        if key == "id":
            element.set(key, f"{name}-{value}")
        elif key == f"{{{_XLINK}}}href":
            element.set(key, value.replace("#", f"#{name}-", 1))
        else:
            local = value.replace("url(#", f"url(#{name}-")
            for stand_in, colour in _THEME.items():
                local = local.replace(stand_in, colour)
            element.set(key, local)
