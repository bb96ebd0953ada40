"""Blame on the screen: the layers side by side, then the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.console import print_json, show_line, show_table, stdout
from harness.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from harness.blame.result import Blame, Column, LayerError, LayerRow
    from harness.pipeline.run import RunResult
    from harness.progress import Progress

# Below the first, a layer spoils the result; below the second it is worth a look.
_BAD_DB, _POOR_DB = 25.0, 30.0
# In narrower terminals a layer is told by its PyTorch modules alone, or by its ONNX nodes.
_WIDE = 100


def check_blamable(backends: tuple[str, ...]) -> None:
    """Make sure that a run on some backends leaves what blame looks at.

    Raises:
        UsageError: None of them needs a kmodel, so that none will be there.
    """
    from harness.backends import get

    if not any(get(name).needs_kmodel for name in backends):
        raise UsageError(
            f"--blame looks at a kmodel, and {', '.join(backends)} needs none",
            "add kpu to --backends",
        )


def show_blamed(
    result: RunResult,
    data: Path | None,
    progress: Progress,
    as_json: bool,
    calibration: Path | None = None,
) -> int:
    """Look for what is to blame in a run that has just ended, and print both.

    Args:
        result: The run.
        data: Where its pictures came from; None for the method's own.
        progress: Who is told.
        as_json: Whether to print the report, with the layers in it, as JSON.
        calibration: Where its calibration images came from; None for the method's own.

    Returns:
        The exit code of the run: 0 within tolerance, 1 outside.
    """
    from dataclasses import replace

    from harness.cli.results import show_run
    from harness.pipeline.blame import BlameRequest, blame_run
    from harness.report.schema import read_report

    request = BlameRequest(result.folder, data=data, calibration=calibration, progress=progress)
    blame = blame_run(request)
    code = show_run(replace(result, report=read_report(result.folder)), as_json)
    if not as_json:
        _print(blame, result.folder)
    return code


def show_blame(blame: Blame, run: Path, as_json: bool) -> int:
    """Print what was found, and return the exit code: 0 if no stage is to blame, else 1."""
    if as_json:
        from harness.pipeline.blame import document

        print_json({**document(blame), "folder": str(run)})
    else:
        _print(blame, run)
    return 0 if blame.verdict.stage == "none" else 1


def _print(blame: Blame, run: Path) -> None:
    columns = _columns(blame)
    show_table(_layers(blame, columns))
    show_table(_outputs(blame))
    for line in blame.verdict.evidence:
        show_line(line, "because" if blame.verdict.stage != "none" else "measured", "cyan")
    for hint in blame.hints:
        known = hint.evidence in blame.verdict.evidence
        text = hint.text if known else f"{hint.text} ({hint.evidence})"
        show_line(text, f"hint {hint.layer}".strip(), "yellow")
    where = f" at {blame.verdict.layer}" if blame.verdict.layer else ""
    good = blame.verdict.stage == "none"
    well = "no stage is to blame" + (": the method's tolerance holds" if blame.verdict.held else "")
    said = well if good else f"{blame.verdict.stage}{where}"
    show_line(said, "verdict", "green" if good else "red")
    show_line(f"{run / 'blame.json'}", "written", "green")


def _columns(blame: Blame) -> tuple[Column, ...]:
    from harness.blame.result import COLUMNS

    found = {column for row in blame.rows for column in row.accumulated}
    return tuple(column for column in COLUMNS if column in found)


def _layers(blame: Blame, columns: tuple[Column, ...]) -> Table:
    from rich.text import Text

    wide = stdout().width >= _WIDE
    pictures = "1 picture" if blame.images == 1 else f"{blame.images} pictures"
    table = _table(f"{blame.run} on {pictures}: SNR to float in dB, layer alone (accumulated)")
    table.add_column("layer", no_wrap=True)
    table.add_column("on", no_wrap=True)
    for name in ("PyTorch", "ONNX") if wide else ("stands for",):
        table.add_column(name)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for row in _shown(blame):
        marked = "bold red" if row.name == blame.verdict.layer else ""
        node = _short(row.node) or row.remark
        names = (row.module, node) if wide else (row.module or node,)
        cells = [_cell(row, column) for column in columns]
        table.add_row(Text(row.name, marked), row.unit, *map(Text, names), *cells)
    return table


def _shown(blame: Blame) -> Iterator[LayerRow]:
    """Yield the rows; operations of one node are one, but for what is blamed or asked for."""
    from dataclasses import replace

    from harness.blame.groups import grouped, span, worst

    def single(row: LayerRow) -> bool:
        asked = "nncase" in row.accumulated or "board" in row.accumulated
        return asked or row.name == blame.verdict.layer

    for first, *rest in grouped(blame.rows, single):
        if not rest:
            yield first
            continue
        yield replace(
            first,
            name=span(first.name, rest[-1].name),
            accumulated=rest[-1].accumulated,
            alone=worst([row.alone for row in (first, *rest)]),
            node=f"{first.node} ({len(rest) + 1} operations)",
        )


def _outputs(blame: Blame) -> Table:
    from rich.text import Text

    table = _table("")
    for name in ("output", "column", "SNR dB", "cosine", "MSE", "max abs"):
        table.add_column(name, justify="left" if name in ("output", "column") else "right")
    for name, errors in blame.outputs.items():
        for column, error in errors.items():
            figures = f"{error.cosine:.5f}", f"{error.mse:.3g}", f"{error.max_abs:.4g}"
            table.add_row(Text(name), column, _decibels(error), *figures)
    return table


def _table(title: str) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    told = Text(title) if title else None
    return Table(
        title=told, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )


def _cell(row: LayerRow, column: Column) -> Text:
    from rich.text import Text

    alone, accumulated = row.alone.get(column), row.accumulated.get(column)
    if alone is None:
        return Text("" if accumulated is None else f"({_decibels(accumulated)})")
    cell = Text(_decibels(alone), _style(alone))
    return cell.append(f" ({_decibels(accumulated)})" if accumulated else "", "dim")


def _decibels(error: LayerError) -> str:
    return "∞" if error.snr_db is None else f"{error.snr_db:.1f}"


def _style(error: LayerError) -> str:
    if error.snr_db is None or error.snr_db >= _POOR_DB:
        return ""
    return "yellow" if error.snr_db >= _BAD_DB else "red"


def _short(nodes: str) -> str:
    """Return ONNX nodes without their scopes, which are those of the module beside them."""
    return ", ".join(node.split("/")[-1] for node in nodes.split(", ")) if nodes else ""
