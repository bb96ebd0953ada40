"""Tables of docs/prediction.md: what was published, what is predicted, and what cannot be."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.files import write_text
from harness.timing.prices import SPAN, Price
from harness.timing.published import figures, loops
from harness.timing.published.refused import REFUSED
from harness.timing.validation import Held, all_prices, coverage, held_out

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
KINDS = {"layer": "Layers and operations", "run": "Whole runs", "loop": "Camera loops"}
# Share of measured times that the interval is to hold.
PROMISED = 0.9


def document() -> str:
    """Return all tables as Markdown."""
    held = held_out()
    parts = [_summary(held), *(_figures(held, kind) for kind in KINDS), _refused(), _prices()]
    return "\n".join(parts)


def placed(text: str, tables: str) -> str:
    """Return a document with the tables between its marks.

    Raises:
        ValueError: It has no marks.
    """
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    if not tail:
        raise ValueError(f"the document has no {BEGIN} … {END}")
    return f"{head}{BEGIN}\n{tables}\n{END}{tail}"


def main() -> None:
    """Print the tables, or write them into a document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE")
    target: Path | None = parser.parse_args().write
    if target is None:
        print(document())
    else:
        write_text(target, placed(target.read_text(), document()))


def _summary(held: tuple[Held, ...]) -> str:
    lines = [f"| figures | held by ±{SPAN:.0%} | share |", "|---|---|---|"]
    for kind, title in {**KINDS, "": "All"}.items():
        inside, of = coverage(held, kind)
        lines.append(f"| {title.lower()} | {inside} of {of} | {inside / of:.0%} |")
    others = {
        "all, every source of the same network left out": held_out(families=True),
        "all, depthwise layers one by one": held_out(singly=True),
    }
    for title, other in others.items():
        inside, of = coverage(other)
        lines.append(f"| {title} | {inside} of {of} | {inside / of:.0%} |")
    return f"{_answer(held)}\n\n" + "\n".join(lines) + "\n"


def _answer(held: tuple[Held, ...]) -> str:
    """Say whether the interval keeps its word."""
    inside, of = coverage(held)
    kinds = (f"{title.lower()} {coverage(held, kind)[0]}" for kind, title in KINDS.items())
    kept = "it keeps its word" if inside / of >= PROMISED else "it does not keep its word"
    return (
        f"The interval printed is ±{SPAN:.0%} and is to hold {PROMISED:.0%} of measured times; "
        f"{kept}: it holds {inside} of {of} ({inside / of:.1%}; {', '.join(kinds)})."
    )


def _figures(held: Iterable[Held], kind: str) -> str:
    lines = [
        f"### {KINDS[kind]}",
        "",
        "| source | what | measured, ms | predicted, ms | ratio | held |",
        "|---|---|---|---|---|---|",
    ]
    for one in (one for one in held if one.kind == kind):
        remark = f" ({one.remark})" if one.remark else ""
        mark = "yes" if one.inside else "**no**"
        lines.append(
            f"| {one.source} | {one.label}{remark} | {one.measured:.3f} | "
            f"{one.predicted:.3f} | {one.ratio:.2f} | {mark} |"
        )
    return "\n".join(lines) + "\n"


def _refused() -> str:
    lines = [
        "### Figures that cannot be rebuilt",
        "",
        "| source | figure | why not |",
        "|---|---|---|",
    ]
    lines += [f"| {one.source} | {one.figure} | {one.reason} |" for one in REFUSED]
    return "\n".join(lines) + "\n"


def _prices() -> str:
    prices: Mapping[str, Price] = all_prices()
    lines = [
        "### Constants",
        "",
        "| constant | unit | fitted, ns | guess, ns | seen in |",
        "|---|---|---|---|---|",
    ]
    for name, price in prices.items():
        lines.append(
            f"| `{name}` | {price.unit} | {price.ns:.4g} | {price.prior_ns:g} | {price.source} |"
        )
    named = {**figures.SOURCES, **loops.SOURCES}
    places = "; ".join(f"{name}: {place}" for name, place in named.items())
    return "\n".join(lines) + f"\n\nSources: {places}.\n"
