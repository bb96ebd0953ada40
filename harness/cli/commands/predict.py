"""`k210 predict`: how long a model takes on a K210."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import completion, options
from harness.cli.commands.compile_model import DEFAULT_SHAPE

if TYPE_CHECKING:
    from harness.kmodel import Program
    from harness.kmodel.firmware import Firmware
    from harness.timing import Law, Prediction
    from harness.timing.answers import Answer

BOARDS = ("maix-bit", "maix-go", "m5stickv", "unitv", "canmv-k210")


def _boards(incomplete: str) -> list[str]:
    return [name for name in BOARDS if name.startswith(incomplete)]


def predict(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A kmodel, a run folder, a factory as package.module:function, a method, or an "
            ".onnx or .tflite file.",
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
    checkpoint: options.Checkpoint = None,
    as_json: options.Json = False,
) -> None:
    """Predict the milliseconds of every layer, and pictures a second, with an interval.

    Nothing is run: the law behind it is fitted to published measurements, and stands in
    docs/prediction.md with each of them. With --firmware the kmodel is predicted as that firmware
    would run it, converted if need be. ONNX, TFLite and PyTorch are compiled first, with noise for
    calibration: times do not depend on weights. A method is compiled with the weights that it comes
    with, or those of --checkpoint.

    Examples:

        k210 predict model.kmodel

        k210 predict model.kmodel --board m5stickv --firmware maixpy-0.6

        k210 predict nets:small --shape 3,96,96

        k210 predict coin_classifier --checkpoint runs/coins/checkpoint.safetensors

        k210 predict model.kmodel --what-if width=0.5 --what-if input=160x120
    """
    from harness.cli.console import print_json
    from harness.cli.prediction_json import document
    from harness.cli.prediction_table import show
    from harness.timing import board_named
    from harness.timing import predict as predicted
    from harness.timing.fitting import Clocks

    chosen = board_named(board)
    clocks = Clocks(
        cpu_hz=chosen.clocks.cpu_hz if cpu_clock is None else cpu_clock * 1e6,
        kpu_hz=chosen.clocks.kpu_hz if clock is None else clock * 1e6,
    )
    program = _program(model, shape, checkpoint, firmware)
    name = Path(model).name
    found = predicted(program, clocks, chosen, _law(profile))
    asked = _answers(program, tuple(what_if or ()), found)
    if as_json:
        print_json(document(name, found, asked))
    else:
        show(name, found, asked)


def _law(profile: Path | None) -> Law:
    from harness.timing.prediction import PUBLISHED

    if profile is None:
        return PUBLISHED
    from harness.timing.profile import read_law

    return read_law(profile)


def _answers(program: Program, questions: tuple[str, ...], now: Prediction) -> tuple[Answer, ...]:
    if not questions:
        return ()
    from harness.timing.answers import answers
    from harness.timing.subject import subject_of

    return answers(subject_of(program), questions, now)


def _program(model: str, shape: str, checkpoint: Path | None, firmware: str) -> Program:
    """Load a kmodel, or compile one, in the version that a firmware takes.

    Raises:
        HarnessError: There is none, or the firmware cannot run it.
    """
    from harness.kmodel import load

    target = _firmware(firmware)
    compiled = _is_compiled(model)
    if compiled:
        _refuse_network_options(model, shape, checkpoint)
    program = load(_kmodel(Path(model)) if compiled else _compiled(model, shape, checkpoint))
    if target is None or program.version in target.versions:
        return program
    from harness.convert import convert
    from harness.kmodel import save

    return load(save(convert(program, target.versions[-1]).program))


def _firmware(name: str) -> Firmware | None:
    if not name:
        return None
    from harness.kmodel.firmware import firmware_named

    return firmware_named(name)


def _is_compiled(model: str) -> bool:
    """Whether a kmodel or a run folder is named; whatever else there is needs PyTorch."""
    path = Path(model)
    if path.is_dir() or path.suffix.lower() == ".kmodel":
        return True
    from harness.method import available
    from harness.pipeline.source import FILE_FORMATS

    return path.suffix.lower() not in FILE_FORMATS and ":" not in model and model not in available()


def _refuse_network_options(model: str, shape: str, checkpoint: Path | None) -> None:
    from harness.errors import UsageError

    given = {"--shape": shape, "--checkpoint": checkpoint}
    for option in (name for name, value in given.items() if value):
        raise UsageError(f"{model} is compiled already: {option} changes nothing", "leave it out")


def _kmodel(path: Path) -> Path:
    from harness.errors import UsageError

    if not path.is_dir():
        return path
    if not (path / "model.kmodel").is_file():
        raise UsageError(f"{path} has no model.kmodel", "name a kmodel, or a finished run")
    return path / "model.kmodel"


def _compiled(model: str, shape: str, checkpoint: Path | None) -> bytes:
    from harness.cli.console import TerminalProgress
    from harness.compiler.build import compile_source
    from harness.method import available
    from harness.pipeline.check import subject_of
    from harness.pipeline.source import input_shape

    found = None if model in available() else input_shape(model)
    wanted = shape or (",".join(map(str, found)) if found else DEFAULT_SHAPE)
    contract = options.contract_of(wanted, "0,1", "", "", "", "center_crop")
    subject = subject_of(model, contract, checkpoint=checkpoint)
    compiled = compile_source(
        subject.source, subject.images, rewrites=subject.rewrites, progress=TerminalProgress()
    )
    return compiled.kmodel
