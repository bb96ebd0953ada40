"""A prediction on the screen: a table of layers, what they come to, and what would change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli.console import stdout

if TYPE_CHECKING:
    from rich.table import Table

    from harness.timing import Prediction, StepTime
    from harness.timing.answers import Answer

COLOURS = {"KPU": "green", "CPU": "yellow", "move": "cyan"}
BAR = 10
V5 = "for kendryte-standalone-sdk; stock firmware runs it as v4: --firmware maixpy-0.6"


def show(name: str, found: Prediction, answers: tuple[Answer, ...]) -> None:
    """Print a prediction."""
    console = stdout()
    console.print(_steps(found))
    console.print(_facts(name, found))
    if answers:
        console.print(_answers(found, answers))


def _steps(found: Prediction) -> Table:
    table = _table("layer", "on", "what", right=("ms", "between", "share"))
    longest = max((step.ms for step in found.steps), default=0) or 1
    table.add_column("")
    for step in found.steps:
        unit = step.step.unit
        table.add_row(
            f"[{COLOURS[unit]}]{step.name}[/]",
            unit,
            _what(step),
            f"{step.ms:.3f}",
            _between(found.step_interval_ms(step), 3),
            f"{step.ms / found.ms:.1%}",
            f"[{COLOURS[unit]}]{'█' * round(BAR * step.ms / longest)}[/]",
        )
    return table


def _between(interval: tuple[float, float], digits: int) -> str:
    return " – ".join(f"{ms:.{digits}f}" for ms in interval)


def _what(step: StepTime) -> str:
    from harness.timing.costs import RUN
    from harness.timing.steps import KpuStep

    one = step.step
    if one.kind == RUN:
        return "start, by the firmware"
    if not isinstance(one, KpuStep):
        return f"{one.macs} MACs" if one.macs else f"{one.elements} elements"
    (into, out), (width, height) = one.channels, one.size
    kernel = f"{one.kernel}x{one.kernel}{' depthwise' if one.depthwise else ''}"
    stride = f", pooled by {one.stride}" if one.stride > 1 else ""
    copied = f"; {step.move_ms:.3f} ms to main memory" if one.copied else ""
    return f"{into} → {out}, {kernel} on {width}x{height}{stride}{copied}"


def _facts(name: str, found: Prediction) -> Table:
    from rich.markup import escape
    from rich.table import Table

    low, high = found.interval_ms
    slow, fast = (1000 / ms for ms in reversed(found.loop_interval_ms))
    shares = (
        (found.kpu_ms, "on the KPU"),
        (found.cpu_ms, "on the CPU"),
        (found.move_ms, "moving data"),
    )
    rows = {
        "file": f"{escape(name)}, kmodel v{found.version}",
        "conditions": f"{found.board.title}, KPU {found.clocks.kpu_hz / 1e6:.0f} MHz, "
        f"CPU {found.clocks.cpu_hz / 1e6:.0f} MHz; constants: {escape(found.law.origin)}",
        "inference": f"[bold]{found.ms:.2f} ms[/], between {low:.2f} and {high:.2f}; "
        f"{found.fps:.1f} fps, between {1000 / high:.1f} and {1000 / low:.1f}",
        "of which": ", ".join(f"{ms:.2f} ms ({ms / found.ms:.0%}) {what}" for ms, what in shares),
        "camera loop": f"{1000 / found.loop_ms:.1f} fps, between {slow:.1f} and {fast:.1f}: "
        "camera, model and display",
        "costliest": ", ".join(f"{one.name} {one.ms:.2f} ms" for one in found.costliest),
        **({"kmodel v5": V5} if found.version == 5 else {}),
        "": "predicted, not measured; docs/prediction.md says how far it can be trusted",
    }
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for label, text in rows.items():
        table.add_row(label, text)
    return table


def _answers(now: Prediction, answers: tuple[Answer, ...]) -> Table:
    sums = ("ms", "between", "KPU", "CPU", "moving", "fps", "loop fps", "time")
    table = _table("what if", right=sums)
    table.add_row("as it is", *_sums(now), "")
    for one in answers:
        change = one.prediction.ms / now.ms - 1
        table.add_row(one.question, *_sums(one.prediction), f"{change:+.0%}")
    return table


def _sums(found: Prediction) -> tuple[str, ...]:
    parts = (f"{ms:.2f}" for ms in (found.kpu_ms, found.cpu_ms, found.move_ms))
    rates = (f"{rate:.1f}" for rate in (found.fps, 1000 / found.loop_ms))
    return f"{found.ms:.2f}", _between(found.interval_ms, 1), *parts, *rates


def _table(*columns: str, right: tuple[str, ...]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for column in right:
        table.add_column(column, justify="right", no_wrap=True)
    return table
