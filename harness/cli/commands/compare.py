"""`k210 compare PKG.MOD:FACTORY`: the user's own module on the same road."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options


def compare(
    factory: Annotated[str, typer.Argument(help="package.module:factory that returns a module.")],
    calibration: Annotated[
        Path, typer.Option("--calibration", help="Pictures or .npy that quantisation looks at.")
    ],
    inputs: Annotated[
        Path, typer.Option("--inputs", help="Pictures or .npy to compare the backends on.")
    ],
    out: options.Out,
    backends: options.Backends = "float,nncase",
    board: options.Board = "auto",
    shape: options.Shape = "3,224,224",
    range_: options.Range = "0,1",
    mean: options.Mean = "",
    std: options.Std = "",
    color: options.Color = "",
    resize: options.Resize = "center_crop",
    cosine: Annotated[
        float, typer.Option("--cosine", min=-1, max=1, help="Least cosine of every output.")
    ] = 0.99,
    calibrate: options.Calibrate = "no_clip",
    legalise: options.Legalise = None,
    blame: options.Blame = False,
    store: options.KeepIn = None,
    as_json: options.Json = False,
) -> int:
    """Compile your own PyTorch module and compare the K210 model with it.

    Examples:

        k210 compare nets:small --shape 3,96,96 --calibration photos --inputs photos --out out

        k210 compare nets:small --range -1,1 --calibration a.npy --inputs b.npy --out out
    """
    from harness.cli.blame_view import check_blamable, show_blamed
    from harness.cli.keeping import keep, progress_of
    from harness.cli.results import show_run
    from harness.compiler.legalise import parse_requests
    from harness.data.images import read_inputs
    from harness.method import EvaluationSet, Tolerance
    from harness.pipeline.factory import deployable_of, load_module
    from harness.pipeline.measure import check_backends
    from harness.pipeline.run import RunRequest, execute

    names = options.backend_names(backends)
    check_backends(names)
    if blame:
        check_blamable(names)
    contract = options.contract_of(shape, range_, mean, std, color, resize)
    _, calibration_images = read_inputs(calibration, contract)
    ids, images = read_inputs(inputs, contract)
    deployable = deployable_of(
        load_module(factory),
        factory,
        contract,
        calibration_images,
        EvaluationSet(tuple(ids), images),
        Tolerance(cosine=cosine),
    )
    with progress_of(store, out, factory) as progress:
        request = RunRequest(
            method=factory,
            backends=names,
            data=str(inputs),
            calibrate_method=calibrate,
            rewrites=parse_requests(legalise or ()),
            board=board,
            progress=progress,
        )
        result = execute(deployable, out, request)
        if blame:
            shown = show_blamed(result, inputs, progress, as_json, calibration)
        else:
            shown = show_run(result, as_json)
    keep(result.folder, store)
    return shown
