"""Which operation runs where, on the screen and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.console import show_line, show_table

if TYPE_CHECKING:
    from harness.compiler.build import CompiledModel


def document(compiled: CompiledModel, folder: Path) -> dict[str, Any]:
    """Return what `k210 compile --json` prints."""
    return {
        "folder": str(folder),
        "kmodel_bytes": len(compiled.kmodel),
        "cached": compiled.cached,
        "stock": _stock(compiled),
        "contract": compiled.contract.model_dump(mode="json", by_alias=True),
        "operations": [asdict(placed) for placed in compiled.placement],
        "rewrites": [asdict(applied) for applied in compiled.rewrites],
    }


def _stock(compiled: CompiledModel) -> dict[str, Any]:
    stock = compiled.stock
    if stock.data is None:
        return {"version": stock.version, "refusal": stock.refusal}
    return {"version": stock.version, "file": stock.file, "bytes": len(stock.data)}


def show_compiled(compiled: CompiledModel, folder: Path) -> None:
    """Print every operation, where it runs, and why it is not on the KPU."""
    from rich.table import Table
    from rich.text import Text

    from harness.compiler.contract import KMODEL_FILE

    table = Table(title=Text(f"{compiled.contract.name}: operations in running order"))
    for column in ("layer", "operation", "runs on", "result", "why not on the KPU"):
        table.add_column(column)
    for placed in compiled.placement:
        colour = {"KPU": "green", "CPU": "dim" if placed.inserted else "yellow"}[placed.unit]
        table.add_row(
            Text(placed.layer),
            placed.operation,
            Text(placed.unit, colour),
            "x".join(map(str, placed.shape)),
            placed.reason,
        )
    show_table(table)
    kpu = sum(placed.operation == "KPUConv2D" for placed in compiled.placement)
    cpu = sum(p.unit == "CPU" and not p.inserted for p in compiled.placement)
    glue = sum(p.inserted and p.unit == "CPU" for p in compiled.placement)
    show_line(
        f"{kpu} convolutions on the KPU, {cpu} operations on the CPU, "
        f"{glue} conversions and copies between them; {len(compiled.kmodel) / 1024:.0f} KB"
        f"{' (from the cache)' if compiled.cached else ''}"
    )
    for applied in compiled.rewrites:
        show_line(applied.line, "rewritten", "cyan")
    show_line(compiled.stock.line)
    show_line(f"kmodel: {folder / KMODEL_FILE}")
