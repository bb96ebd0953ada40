"""`k210 train METHOD`."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli import options
from harness.cli.completion import complete_method


def train(
    method: Annotated[
        str, typer.Argument(help="Name from k210 methods.", autocompletion=complete_method)
    ],
    out: options.Out,
    data: options.Data = None,
    init: options.Init = None,
    seed: options.Seed = 0,
    epochs: options.Epochs = None,
    device: options.Device = "cpu",
    set_: options.Set = None,
    as_json: options.Json = False,
) -> None:
    """Train a method. The same command goes on with a training that was interrupted.

    Examples:

        k210 train coin_classifier --data photos.zip --out runs/weights

        k210 train coin_classifier --data new.zip --init old.safetensors --out runs/transfer
    """
    from harness import method as methods
    from harness.cli.console import TerminalProgress, print_json, show_line
    from harness.pipeline.folder import RunFolder

    progress = TerminalProgress()
    job = options.train_job(out, data, init, seed, epochs, device, set_, progress)
    with RunFolder.claim(out):
        checkpoint = methods.get(method).train(job)
    if as_json:
        print_json({"method": method, "checkpoint": str(checkpoint)})
    else:
        show_line(f"checkpoint: {checkpoint}")
