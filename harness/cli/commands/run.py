"""`k210 run METHOD`: train, compile, run, compare, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options
from harness.cli.completion import complete_method


def run(
    method: Annotated[
        str, typer.Argument(help="Name from k210 methods.", autocompletion=complete_method)
    ],
    out: options.Out,
    data: options.Data = None,
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", help="Weights to take instead of training.")
    ] = None,
    backends: options.Backends = "float,nncase",
    board: options.Board = "auto",
    folds: Annotated[
        int, typer.Option("--folds", min=0, help="Also cross-validate with this many folds.")
    ] = 0,
    init: options.Init = None,
    seed: options.Seed = 0,
    epochs: options.Epochs = None,
    device: options.Device = "cpu",
    calibrate: options.Calibrate = "no_clip",
    legalise: options.Legalise = None,
    blame: options.Blame = False,
    store: options.KeepIn = None,
    set_: options.Set = None,
    as_json: options.Json = False,
) -> int:
    """Train a method, compile it for the K210, run it on backends, compare them, and report.

    Examples:

        k210 run coin_classifier --out runs/demo

        k210 run coin_classifier --data photos.zip --out runs/coins

        k210 run coin_classifier --data photos --set size=160 --folds 5 --out runs/folds

        k210 run coin_classifier --backends float,nncase,kpu,board --board virtual --out runs/four
    """
    from harness import method as methods
    from harness.cli.blame_view import check_blamable, show_blamed
    from harness.cli.keeping import keep, progress_of
    from harness.cli.results import show_run
    from harness.compiler.legalise import parse_requests
    from harness.errors import UsageError
    from harness.pipeline.method_run import MethodRun, run_method
    from harness.pipeline.run import RunRequest

    if folds == 1:
        raise UsageError("--folds 1 leaves nothing to learn from", "take at least 2")
    backend_names = options.backend_names(backends)
    if blame:
        check_blamable(backend_names)
    with progress_of(store, out, method) as progress:
        job = options.train_job(out, data, init, seed, epochs, device, set_, progress)
        request = RunRequest(
            method=method,
            backends=backend_names,
            data=str(data) if data else "shipped sample data",
            calibrate_method=calibrate,
            rewrites=parse_requests(legalise or ()),
            board=board,
            progress=progress,
        )
        result = run_method(MethodRun(methods.get(method), job, request, checkpoint, folds))
        shown = show_blamed(result, data, progress, as_json) if blame else show_run(result, as_json)
    keep(result.folder, store)
    return shown
