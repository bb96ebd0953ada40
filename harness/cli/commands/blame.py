"""`k210 blame RUN`: which stage, and which layer, is to blame."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options
from harness.cli.completion import complete_board


def blame(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of a run, a comparison or a compilation.")
    ],
    images: Annotated[
        int, typer.Option("--images", min=1, help="Pictures to look at, spread over the run's.")
    ] = 32,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            "--layer",
            metavar="NAME",
            help="Ask nncase, and a board, for this layer by itself: a layer of the kmodel, a "
            "PyTorch module or an ONNX node.",
        ),
    ] = None,
    board: Annotated[
        str,
        typer.Option(
            "--board",
            metavar="auto|virtual|PORT",
            help="Run the model on a board twice, on 4 pictures, and find where it differs.",
            autocompletion=complete_board,
        ),
    ] = "",
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Where the run's pictures are, if not where they were."),
    ] = None,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix", help="Try what helps, and write what is kept into fixed/ below the run."
        ),
    ] = False,
    calibration: Annotated[
        Path | None,
        typer.Option("--calibration", help="The calibration images: for --fix, for norm=fold."),
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Lay every layer side by side and name the first stage that diverges, with its numbers.

    PyTorch's floats are compared with the kmodel's weights, with its codes, with the chip's
    arithmetic and, if asked for, with nncase and a board. Writes blame.json and the report's part.

    Examples:

        k210 blame runs/demo

        k210 blame runs/demo --images 8 --layer 04_kpu_conv2d

        k210 blame runs/demo --board virtual --json

        k210 blame runs/mine --fix --calibration photos/calibration --data photos/test
    """
    from harness.cli.blame_view import show_blame
    from harness.cli.console import TerminalProgress
    from harness.errors import UsageError
    from harness.pipeline.blame import BlameRequest, blame_run, takes_calibration

    if calibration is not None and not fix and not takes_calibration(run):
        raise UsageError(
            "--calibration says nothing of this model: no constant in it is from such images",
            "leave it out, or add --fix, which compiles anew",
        )
    progress = TerminalProgress()
    request = BlameRequest(run, images, tuple(layer or ()), board, data, calibration, progress)
    found = blame_run(request)
    if not fix or found.verdict.spoilt:
        if fix:
            progress.say(f"nothing is tried: no fix mends what is wrong ({found.verdict.stage})")
        return show_blame(found, run, as_json)
    from harness.cli.fix_view import show_fixed
    from harness.pipeline.fixing import FixRequest, fix_run

    tried = fix_run(FixRequest(run, calibration, data, progress=progress), found)
    return show_fixed(found, tried, run, as_json)
