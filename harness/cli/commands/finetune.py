"""`k210 finetune METHOD`: train what the kmodel stores through the KPU's exact arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli import options
from harness.cli.completion import complete_method

if TYPE_CHECKING:
    from harness.pipeline.finetuning import FinetuneResult


def finetune(
    method: Annotated[
        str, typer.Argument(help="Name from k210 methods.", autocompletion=complete_method)
    ],
    out: options.Out,
    run: Annotated[
        Path | None, typer.Option("--run", help="Run folder whose kmodel to fine-tune.")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", help="Weights to compile and fine-tune.")
    ] = None,
    data: options.Data = None,
    calibration: Annotated[
        str | None,
        typer.Option(
            "--calibration",
            metavar="N|PATH",
            help="Use N of the method's calibration images, or these pictures; else all.",
        ),
    ] = None,
    calibrate: options.Calibrate = "no_clip",
    epochs: Annotated[int, typer.Option("--epochs", min=0, help="Passes; 0 only balances.")] = 12,
    lr: Annotated[float, typer.Option("--lr", help="Learning rate of the first step.")] = 0.0005,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Items a step.")] = 16,
    patience: Annotated[
        int, typer.Option("--patience", min=1, help="Passes without a gain before it stops.")
    ] = 4,
    minutes: Annotated[
        float | None, typer.Option("--minutes", help="Time for this try; the next one goes on.")
    ] = None,
    seed: options.Seed = 0,
    device: options.Device = "cpu",
    backends: options.Backends = "float,nncase,kpu",
    board: options.Board = "auto",
    as_json: options.Json = False,
) -> int:
    """Fine-tune a compiled classifier through the exact arithmetic of the KPU.

    Weights and registers of the kmodel are trained towards the float model's answers and
    the labels, on training items only. What comes out is kept if it is better on items that were
    kept back, and written as a run.

    Examples:

        k210 finetune coin_classifier --run runs/demo --out runs/finetuned

        k210 finetune coin_classifier --checkpoint w.safetensors --calibration 4 --out runs/four
    """
    from harness import method as methods
    from harness.cli.console import TerminalProgress
    from harness.finetune.finetune import Settings
    from harness.pipeline.finetuning import FinetuneRun, run_finetune
    from harness.pipeline.run import RunRequest

    request = RunRequest(
        method=method,
        backends=options.backend_names(backends),
        data=str(data) if data else "shipped sample data",
        calibrate_method=calibrate,
        board=board,
        progress=TerminalProgress(),
    )
    _check_numbers(lr, minutes)
    settings = Settings(epochs, lr, batch, seed, device, patience, minutes)
    wanted = FinetuneRun(
        methods.get(method), request, out, data, checkpoint, run, calibration, settings
    )
    return _show(run_finetune(wanted), as_json)


def _check_numbers(lr: float, minutes: float | None) -> None:
    from harness.errors import UsageError

    if not 0 < lr < 1:
        raise UsageError(f"--lr {lr:g} is not between 0 and 1", "the usual is 0.0005")
    if minutes is not None and not minutes >= 0:
        raise UsageError(f"--minutes {minutes:g} is no time", "leave it out for any time")


def _show(result: FinetuneResult, as_json: bool) -> int:
    from harness.cli.console import print_json, show_line
    from harness.cli.results import show_run

    report = result.run.report
    if as_json:
        folder: dict[str, Any] = {"folder": str(result.run.folder)}
        print_json({**report.document(), **folder, "finetune": result.document})
        return 0 if report.verdict == "pass" else 1
    code = show_run(result.run, as_json=False)
    document = result.document
    for name, share in document["accuracy"].items():
        show_line(f"{name}: {share:.4f}", "accuracy")
    for line in _losses(document):
        show_line(line, "kept back")
    style = "yellow" if document["kept"] == "compiled" else "green"
    show_line(_KEPT[document["kept"]], "kept", style)
    return code


_KEPT = {
    "compiled": "the model as it was compiled: neither balancing nor training helped",
    "balanced": "the model with balanced channels: training did not help further",
    "finetuned": "the trained model",
}


def _losses(document: dict[str, Any]) -> Iterator[str]:
    """Yield the loss on the items kept back, by which the model was chosen, step by step."""
    yield f"as compiled: loss {document['start']['loss']:.4f}"
    if document["balanced"]:
        yield f"with balanced channels: loss {document['balanced']['loss']:.4f}"
    for number, epoch in enumerate(document["epochs"], 1):
        best = ", the best" if number == document["best_epoch"] else ""
        yield f"behind epoch {number}: loss {epoch['kept_back']['loss']:.4f}{best}"
