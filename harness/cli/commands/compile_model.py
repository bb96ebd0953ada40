"""`k210 compile`: a kmodel of what the user already has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options

DEFAULT_SHAPE = "3,224,224"


def compile_model(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="An .onnx or .tflite file, or a factory as package.module:function.",
        ),
    ],
    calibration: Annotated[
        Path, typer.Option("--calibration", help="Pictures or .npy that quantisation looks at.")
    ],
    out: options.Out,
    shape: options.Shape = "",
    range_: options.Range = "0,1",
    mean: options.Mean = "",
    std: options.Std = "",
    color: options.Color = "",
    resize: options.Resize = "center_crop",
    calibrate: options.Calibrate = "no_clip",
    firmware: options.Firmware = "",
    legalise: options.Legalise = None,
    as_json: options.Json = False,
) -> None:
    """Compile an ONNX or TFLite file, or a PyTorch module, for the K210.

    The kmodel eats uint8 NCHW; scaling, mean and std run inside it. A file tells its own input
    size; for a factory give --shape. Beside it lies the same model as kmodel v4 for stock
    firmware where that can be had; with --firmware it has to be had.

    Examples:

        k210 compile net.onnx --calibration photos --out build/net

        k210 compile net.tflite --range -1,1 --calibration photos --out build/net

        k210 compile net.onnx --calibration photos --firmware maixpy-0.6 --out build/net

        k210 compile net.onnx --calibration photos --legalise kernel=kpu --out build/net
    """
    from harness.cli.console import TerminalProgress, print_json
    from harness.cli.placement import document, show_compiled
    from harness.compiler.build import compile_source
    from harness.compiler.legalise import parse_requests
    from harness.compiler.weights import check_weights
    from harness.data.images import read_inputs
    from harness.kmodel.firmware import firmware_named
    from harness.pipeline.folder import RunFolder, check_folder
    from harness.pipeline.source import input_shape, source_of

    check_folder(out)
    target = firmware_named(firmware) if firmware else None
    rewrites = parse_requests(legalise or ())
    found = input_shape(model)
    wanted = shape or (",".join(map(str, found)) if found else DEFAULT_SHAPE)
    contract = options.contract_of(wanted, range_, mean, std, color, resize)
    _, images = read_inputs(calibration, contract)
    source = source_of(model, contract)
    check_weights(source.kind, source.data)
    compiled = compile_source(
        source,
        images,
        method=calibrate,
        rewrites=rewrites,
        progress=TerminalProgress(),
        firmware=target,
    )
    with RunFolder.claim(out) as folder:
        folder.forget_results()
        compiled.write(folder.path)
    if as_json:
        print_json(document(compiled, folder.path))
    else:
        show_compiled(compiled, folder.path)
