"""What became of a kmodel, on the screen and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.cli.console import show_line, show_table

if TYPE_CHECKING:
    from harness.pipeline.conversion import Converted


def document(converted: Converted) -> dict[str, Any]:
    """Return what `k210 convert --json` prints."""
    conversion, firmware = converted.conversion, converted.firmware
    return {
        "file": str(converted.file),
        "version": conversion.program.version,
        "sha256": converted.sha256,
        "firmware": asdict(firmware) if firmware else None,
        "budget": {**asdict(conversion.budget), "heap": conversion.budget.heap},
        "operations": {
            "before": len(conversion.source.operations),
            "after": len(conversion.program.operations),
        },
        "rewrites": [asdict(rewrite) for rewrite in conversion.rewrites],
        "may_differ": [asdict(one) for one in conversion.inexact],
        "outputs": [
            {"name": name, "shape": list(shape)} for name, shape in converted.outputs.items()
        ],
        "contract": str(converted.contract) if converted.contract else None,
        "remark": converted.remark,
    }


def show_converted(converted: Converted) -> None:
    """Print what became of each operation, what may differ, and what the result needs."""
    from rich.table import Table
    from rich.text import Text

    conversion = converted.conversion
    table = Table(title=Text(f"{converted.file.name}: what changed, in running order"))
    for column in ("operation", "became", "why the bits are the same"):
        table.add_column(column)
    for rewrite in conversion.rewrites:
        table.add_row(Text(rewrite.name), Text(_names(rewrite.became)), Text(rewrite.why))
    show_table(table)
    for one in conversion.inexact:
        show_line(f"{one.name} may differ: {one.reason}", "!", "yellow")
    same = len(conversion.source.operations) - len(conversion.rewrites)
    show_line(
        f"{len(conversion.source.operations)} operations became "
        f"{len(conversion.program.operations)}; {same} did not change"
    )
    budget = conversion.budget
    show_line(
        f"needs {_kib(budget.kpu)} of KPU memory and {_kib(budget.heap)} of main memory: "
        f"file {_kib(budget.file)}, tensors {_kib(budget.main)} ({_kib(budget.source_main)} in v"
        f"{conversion.source.version})"
    )
    firmware = converted.firmware
    if firmware:
        show_line(
            f"fits {firmware.name}, which leaves {_kib(firmware.heap)} free "
            f"({firmware.heap_confidence}: {firmware.heap_source})"
        )
    if converted.remark:
        show_line(converted.remark, "!", "yellow")
    if converted.contract:
        show_line(f"its outputs' shapes: {converted.contract}")
    show_line(f"kmodel v{conversion.program.version}: {converted.file}")


MOST_NAMES = 4


def _names(names: tuple[str, ...]) -> str:
    if len(names) <= MOST_NAMES:
        return ", ".join(names) or "(nothing)"
    return f"{names[0]} … {names[-1]} ({len(names)} operations)"


def _kib(size: int) -> str:
    return f"{size / 1024:.0f} KiB"
