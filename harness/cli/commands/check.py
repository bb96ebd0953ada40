"""`k210 check`: what will run where, before any training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options
from harness.cli.commands.compile_model import DEFAULT_SHAPE
from harness.cli.completion import complete_method


def check(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A factory as package.module:function, a method, or an .onnx or .tflite file.",
            autocompletion=complete_method,
        ),
    ] = "",
    shape: options.Shape = "",
    range_: options.Range = "0,1",
    mean: options.Mean = "",
    std: options.Std = "",
    color: options.Color = "",
    calibration: Annotated[
        Path | None,
        typer.Option("--calibration", help="Pictures or .npy to quantise with; else noise."),
    ] = None,
    checkpoint: options.Checkpoint = None,
    legalise: options.Legalise = None,
    firmware: options.Firmware = "",
    least: Annotated[
        float | None,
        typer.Option(
            "--kpu-share",
            metavar="SHARE",
            min=0,
            max=1,
            help="Share of the multiply-accumulates on the KPU that is enough, e.g. 0.95; else "
            "every layer has to be there.",
        ),
    ] = None,
    rewrites: Annotated[
        bool, typer.Option("--rewrites", help="List what the legaliser can do, and stop.")
    ] = False,
    as_json: options.Json = False,
) -> int:
    """Tell what of a network will run on the KPU, what not and why, and what it costs.

    Nothing is trained: random weights are good enough. The network is compiled, with noise for
    calibration unless there are pictures. Exit code 0: everything runs on the KPU, and a stock
    firmware has room for it; 1: something falls to the CPU or does not fit, there is nothing for
    the KPU, or weights are no numbers; 2: an error.

    Examples:

        k210 check nets:small --shape 3,96,96

        k210 check dtn --firmware maixpy-0.6

        k210 check net.onnx --legalise kernel=kpu --kpu-share 0.95

        k210 check --rewrites
    """
    from harness.cli import checking
    from harness.cli.console import TerminalProgress
    from harness.compiler.legalise import parse_requests
    from harness.data.images import read_inputs
    from harness.errors import UsageError
    from harness.kmodel.firmware import firmware_named
    from harness.method import available
    from harness.pipeline.check import check as checked
    from harness.pipeline.check import subject_of
    from harness.pipeline.source import input_shape

    if rewrites:
        checking.show_rewrites(as_json)
        return 0
    if not model:
        raise UsageError("no network is named", "k210 check PKG.MOD:FACTORY|METHOD|FILE.onnx")
    requests = parse_requests(legalise or ())
    target = firmware_named(firmware) if firmware else None
    found = None if model in available() else input_shape(model)
    wanted = shape or (",".join(map(str, found)) if found else DEFAULT_SHAPE)
    contract = options.contract_of(wanted, range_, mean, std, color, "center_crop")
    images = read_inputs(calibration, contract)[1] if calibration else None
    subject = subject_of(model, contract, images, checkpoint)
    result = checked(subject, requests, target, TerminalProgress())
    passed = result.passes(least)
    checking.show(result, passed, least, as_json)
    return 0 if passed else 1
