"""What `--fix` tried, on the screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.blame_view import show_blame
from harness.cli.console import print_json, show_line, show_table

if TYPE_CHECKING:
    from rich.table import Table

    from harness.blame.fix.judge import Gain
    from harness.blame.fix.tried import Tried
    from harness.blame.result import Blame


def show_fixed(blame: Blame, tried: Tried, run: Path, as_json: bool) -> int:
    """Print what blame found and what was tried.

    Returns:
        0 if no stage was to blame, else 1, whatever the fixes brought.
    """
    from harness.pipeline.blame import document as blamed
    from harness.pipeline.fixing import FIXED, command, document

    folder = run / FIXED
    if as_json:
        print_json({**blamed(blame), "folder": str(run), "fixed": document(tried, folder)})
        return 0 if blame.verdict.stage == "none" else 1
    code = show_blame(blame, run, as_json)
    show_table(_table(tried))
    if tried.kept:
        show_line(f"{', '.join(tried.kept)}: {_gain(tried.total)}", "kept", "green")
        show_line(command(tried, folder), "again", "cyan")
    else:
        show_line("nothing that was tried measurably helps", "kept", "yellow")
    show_line(str(folder), "written", "green")
    return code


def _table(tried: Tried) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    first, second = tried.images
    title = f"{tried.metric}, before → after (95 % interval of the gain); {first} images choose"
    table = Table(
        title=Text(f"{title}, {second} confirm"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for name in ("fix", "chosen", "confirmed", "kept", "cost"):
        table.add_column(name)
    for row in tried.rows:
        chosen = _gain(row.chosen) if row.chosen else ""
        confirmed = _gain(row.confirmed) if row.confirmed else ""
        kept = "yes" if row.kept else f"no: {row.reason}"
        table.add_row(Text(row.fix), chosen, confirmed, Text(kept), Text(row.cost))
    return table


def _gain(gain: Gain) -> str:
    return f"{gain.before:.4g} → {gain.after:.4g} ({gain.low:+.2g} to {gain.high:+.2g})"
