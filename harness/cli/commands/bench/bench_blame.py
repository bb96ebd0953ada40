"""`k210 bench blame`: how long it takes to look at every layer."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from harness.cli import options
from harness.cli.commands.bench.networks import NETWORK

if TYPE_CHECKING:
    from harness.bench.blame import Row
    from harness.progress import Progress


def blame(as_json: options.Json = False) -> None:
    """Look at every layer of MobileNet 1.0 at 224 on 32 pictures, without nncase and boards.

    Examples:

        k210 bench blame

        k210 bench blame --json
    """
    from harness.bench.machine import machine
    from harness.cli.console import TerminalProgress, print_json, show_line

    row = measure(TerminalProgress())
    if as_json:
        print_json({"machine": machine(), "rows": [asdict(row)]})
    else:
        parts = ", ".join(f"{part} {spent:.1f} s" for part, spent in row.parts.items())
        show_line(f"{row.name}: {row.seconds:.1f} s ({parts}); to blame: {row.stage}")


def measure(progress: Progress) -> Row:
    """Measure blame."""
    from harness.bench.blame import bench_blame
    from harness.pipeline.factory import load_module

    return bench_blame(load_module(NETWORK), progress)
