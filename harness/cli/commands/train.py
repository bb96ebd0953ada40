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
    from harness.cli.console import TerminalProgress, print_json, stdout
    from harness.pipeline.folder import RunFolder

    job = methods.TrainJob(
        out=RunFolder.open(out).path,
        data=data,
        seed=seed,
        epochs=epochs,
        device=device,
        init=init,
        options=methods.parse_assignments(set_ or []),
        progress=TerminalProgress(),
    )
    checkpoint = methods.get(method).train(job)
    if as_json:
        print_json({"method": method, "checkpoint": str(checkpoint)})
    else:
        stdout().print(f"checkpoint: {checkpoint}", soft_wrap=True)
