"""A kmodel on the screen: a table of layers, and what they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli.console import stdout

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from harness.kmodel import Port, Program
    from harness.kmodel.difference import Difference
    from harness.kmodel.summary import LayerSummary, Span, Totals
    from harness.timing import Prediction

# Columns of a terminal from which on KPU memory is shown: what is written, and what is read too.
WIDE, WIDEST = 100, 112
COLOURS = {"KPU": "green", "CPU": "yellow"}


def show(name: str, program: Program, prediction: Prediction) -> None:
    """Print a program: narrow terminals get fewer columns, never wrapped figures."""
    from harness.kmodel.summary import layers, totals

    console = stdout()
    summaries = layers(program)
    console.print(_table(console, summaries, prediction))
    console.print(_facts(name, program, totals(program, summaries), prediction))


def _table(console: Console, summaries: tuple[LayerSummary, ...], prediction: Prediction) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in ("layer", "on", "kernel", "pooling"):
        table.add_column(column, no_wrap=True)
    table.add_column("in → out", overflow="fold")
    memory = ("KPU memory, KB",) if console.width >= WIDE else ()
    for column in ("MMAC", "KB", *memory, "ms"):
        table.add_column(column, justify="right", no_wrap=True, min_width=len(column))
    for summary in summaries:
        table.add_row(*_cells(summary, prediction, console.width))
    return table


def _cells(summary: LayerSummary, prediction: Prediction, width: int) -> tuple[str, ...]:
    time = prediction.of(summary.name)
    done, kernel = summary.work, summary.kernel.replace("depthwise", "dw")
    if summary.stride > 1 and not summary.pooling:
        kernel = f"{kernel} /{summary.stride}"
    return (
        f"[{COLOURS[summary.unit]}]{summary.name}[/]",
        summary.unit,
        kernel,
        summary.pooling,
        f"{_shapes(summary.inputs)} → {_shapes(summary.outputs[:1])}",
        f"{done.executed / 1e6:.2f}" if done.executed else "",
        f"{done.weight_bytes / 1024:.1f}" if done.weight_bytes else "",
        *((_memory(summary, width),) if width >= WIDE else ()),
        f"{time.ms:.2f}" if time else "",
    )


def _memory(summary: LayerSummary, width: int) -> str:
    reads, writes = _span(summary.reads_kpu), _span(summary.writes_kpu)
    if width < WIDEST:
        return writes
    return f"{reads} → {writes}" if reads or writes else ""


def _shapes(shapes: tuple[tuple[int, ...], ...]) -> str:
    texts = ["x".join(map(str, shape[1:] if shape[:1] == (1,) else shape)) for shape in shapes]
    return f"{len(texts)} inputs" if len(texts) > 2 else " + ".join(text or "1" for text in texts)


def _span(span: Span | None) -> str:
    return f"{span[0] // 1024}–{-(-span[1] // 1024)}" if span else ""


def _facts(name: str, program: Program, sums: Totals, prediction: Prediction) -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for label, text in {**_identity(name, program), **_sums(sums), **_times(prediction)}.items():
        table.add_row(label, text)
    return table


def _identity(name: str, program: Program) -> dict[str, str]:
    from rich.markup import escape

    from harness.kmodel.firmware import loaders

    trailing = len(program.data) - program.consumed
    rest = f", of which {_kb(trailing)} behind the model are not read" if trailing else ""
    also = ", ".join(group for group in program.candidates if group != program.group)
    other = f" (or {also}: the code reads the same)" if also else ""
    return {
        "file": f"{escape(name)}, {_kb(len(program.data))}{rest}",
        "kmodel": f"version {program.version}, nncase {program.group}{other}",
        "loaded by": "\n".join(loaders(program)),
        "inputs": "\n".join(map(_port, program.inputs)),
        "outputs": "\n".join(map(_port, program.outputs)),
    }


def _sums(sums: Totals) -> dict[str, str]:
    on_cpu = sums.operations - sums.kpu_layers
    nominal, executed = sums.macs_nominal / 1e6, sums.macs_executed / 1e6
    return {
        "operations": f"[green]{sums.kpu_layers} KPU layers[/], [yellow]{on_cpu} on the CPU[/]",
        "MACs": f"{nominal:.2f} M asked for, {executed:.2f} M executed{_ratio(sums)}",
        "weights": _kb(sums.weight_bytes),
        "memory": f"{_kb(sums.main_bytes)} main + the file = {_kb(sums.ram_bytes)} of 6144 KB; "
        f"{_kb(sums.kpu_bytes)} of 2048 KB KPU",
    }


def _times(prediction: Prediction) -> dict[str, str]:
    low, high = prediction.interval_ms
    return {
        "time": f"predicted {prediction.ms:.1f} ms, {low:.1f} to {high:.1f}, at "
        f"{prediction.clocks.kpu_hz / 1e6:.0f} MHz: {prediction.kpu_ms:.1f} ms on the KPU "
        f"({prediction.compute_ms:.1f} computing), {prediction.cpu_ms:.1f} on the CPU, "
        f"{prediction.move_ms:.1f} moving data; see k210 predict"
    }


def _ratio(sums: Totals) -> str:
    if sums.macs_executed <= 1.005 * sums.macs_nominal:
        return ""
    return f" ({sums.macs_executed / sums.macs_nominal:.2f} times: strides are done by pooling)"


def _port(port: Port) -> str:
    buffer = port.buffer
    shape = "x".join(map(str, buffer.shape))
    where = " in KPU memory" if buffer.memory.value == "kpu" else ""
    return f"{port.name}  {buffer.dtype.value} {shape}{where}"


def _kb(size: int) -> str:
    return f"{size / 1024:.0f} KB" if size >= 10 * 1024 else f"{size / 1024:.1f} KB"


def show_differences(a: str, b: str, found: tuple[Difference, ...]) -> None:
    """Print what differs, one line a field, grouped by operation."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    console = stdout()
    if not found:
        console.print(f"{escape(a)} and {escape(b)} do the same")
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in ("where", "what", escape(a), escape(b)):
        table.add_column(column, overflow="fold")
    last = ""
    for one in found:
        where = one.where if one.where != last else ""
        table.add_row(where, one.what, escape(one.a), escape(one.b))
        last = one.where
    console.print(table)
    console.print(f"{len(found)} differences")
