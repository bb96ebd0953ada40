"""`k210 predict`: how long a model takes on a K210."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import completion, options
from harness.cli.commands.compile_model import DEFAULT_SHAPE

if TYPE_CHECKING:
    from harness.kmodel import Program

BOARDS = ("maix-bit", "maix-go", "m5stickv", "unitv", "canmv-k210")


def _boards(incomplete: str) -> list[str]:
    return [name for name in BOARDS if name.startswith(incomplete)]


def predict(
    model: Annotated[
        str,
        typer.Argument(
            metavar="FILE|RUN|PKG.MOD:FACTORY|METHOD",
            help="A kmodel, a run folder, or what k210 compile takes.",
            autocompletion=completion.complete_method,
        ),
    ],
    clock: Annotated[
        float | None, typer.Option("--clock", metavar="MHZ", help="Clock of the KPU.")
    ] = None,
    cpu_clock: Annotated[
        float | None, typer.Option("--cpu-clock", metavar="MHZ", help="Clock of the CPU.")
    ] = None,
    firmware: options.Firmware = "",
    board: Annotated[
        str,
        typer.Option(
            "--board",
            metavar="NAME",
            help=f"Whose clocks, camera and display: {', '.join(BOARDS)}.",
            autocompletion=_boards,
        ),
    ] = BOARDS[0],
    profile: Annotated[
        Path | None,
        typer.Option("--profile", metavar="FILE", help="Constants of your own board: k210 fit."),
    ] = None,
    what_if: Annotated[
        list[str] | None,
        typer.Option(
            "--what-if",
            metavar="QUESTION",
            help="width=0.5, input=160x120, stride=early|late, replace=KIND; may be repeated.",
        ),
    ] = None,
    shape: options.Shape = "",
    as_json: options.Json = False,
) -> None:
    """Predict the milliseconds of every layer, and pictures a second, with an interval.

    Nothing is run: the law behind it is fitted to published measurements, and stands in
    docs/prediction.md with each of them. With --firmware the kmodel is predicted as that firmware
    would run it, converted if need be. ONNX, TFLite and PyTorch are compiled first, with noise for
    calibration: times do not depend on weights.

    Examples:

        k210 predict model.kmodel

        k210 predict model.kmodel --board m5stickv --firmware maixpy-0.6

        k210 predict nets:small --shape 3,96,96

        k210 predict model.kmodel --what-if width=0.5 --what-if input=160x120
    """
    from harness.cli.console import print_json
    from harness.cli.prediction_json import document
    from harness.cli.prediction_table import show
    from harness.timing import board_named
    from harness.timing import predict as predicted
    from harness.timing.answers import answers
    from harness.timing.fitting import Clocks
    from harness.timing.prediction import Law
    from harness.timing.profile import read_law
    from harness.timing.whatif import subject_of

    chosen = board_named(board)
    clocks = Clocks(
        cpu_hz=chosen.clocks.cpu_hz if cpu_clock is None else cpu_clock * 1e6,
        kpu_hz=chosen.clocks.kpu_hz if clock is None else clock * 1e6,
    )
    law = read_law(profile) if profile else Law()
    program = _program(model, shape, firmware)
    name = Path(model).name
    found = predicted(program, clocks, chosen, law)
    asked = answers(subject_of(program), tuple(what_if or ()), found) if what_if else ()
    if as_json:
        print_json(document(name, found, asked))
    else:
        show(name, found, asked)


def _program(model: str, shape: str, firmware: str) -> Program:
    """Load a kmodel, or compile one, in the version that a firmware takes.

    Raises:
        HarnessError: There is none, or the firmware cannot run it.
    """
    from harness.convert import convert
    from harness.kmodel import load, save
    from harness.kmodel.firmware import firmware_named
    from harness.method import available
    from harness.pipeline.source import FILE_FORMATS

    target = firmware_named(firmware) if firmware else None
    path = Path(model)
    foreign = path.suffix.lower() in FILE_FORMATS or ":" in model or model in available()
    program = load(_compiled(model, shape) if foreign and not path.is_dir() else _kmodel(path))
    if target is None or program.version in target.versions:
        return program
    return load(save(convert(program, target.versions[-1]).program))


def _kmodel(path: Path) -> Path:
    from harness.errors import UsageError

    if not path.is_dir():
        return path
    if not (path / "model.kmodel").is_file():
        raise UsageError(f"{path} has no model.kmodel", "name a kmodel, or a finished run")
    return path / "model.kmodel"


def _compiled(model: str, shape: str) -> bytes:
    from harness.cli.console import TerminalProgress
    from harness.compiler.build import compile_source
    from harness.method import available
    from harness.pipeline.check import subject_of
    from harness.pipeline.source import input_shape

    found = None if model in available() else input_shape(model)
    wanted = shape or (",".join(map(str, found)) if found else DEFAULT_SHAPE)
    subject = subject_of(model, options.contract_of(wanted, "0,1", "", "", "", "center_crop"))
    compiled = compile_source(
        subject.source, subject.images, rewrites=subject.rewrites, progress=TerminalProgress()
    )
    return compiled.kmodel
