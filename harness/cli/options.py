"""Options that several commands share, and how their texts become values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from harness.cli import completion
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.method import InputContract, TrainJob
    from harness.progress import Progress

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the results; new, or of such a run.")]
Data = Annotated[
    Path | None,
    typer.Option("--data", help="Folder or zip of pictures; without it the method's own set."),
]
Seed = Annotated[int, typer.Option("--seed", help="Start of every random stream.")]
Epochs = Annotated[
    int | None, typer.Option("--epochs", min=1, help="Passes over the data; else the method's.")
]
Device = Annotated[str, typer.Option("--device", help="PyTorch device to train on.")]
Init = Annotated[
    Path | None, typer.Option("--init", help="Checkpoint to start from (transfer learning).")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Method option; see k210 methods NAME."),
]
Backends = Annotated[
    str,
    typer.Option(
        "--backends",
        help="Comma-separated; the first is compared with the others.",
        autocompletion=completion.complete_backends,
    ),
]
Board = Annotated[
    str,
    typer.Option(
        "--board",
        metavar="auto|virtual|PORT",
        help="Which board the backend board is; auto takes K210_BOARD, or the one there is.",
        autocompletion=completion.complete_board,
    ),
]
Calibrate = Annotated[
    str,
    typer.Option(
        "--calibrate",
        help="How ranges are taken: no_clip, l2, kld_m0 … kld_m2, cdf.",
        autocompletion=completion.complete_calibration,
    ),
]
Legalise = Annotated[
    list[str] | None,
    typer.Option(
        "--legalise",
        metavar="NAME=MODE",
        help="How to rewrite what nncase or the KPU lacks; see k210 check --rewrites.",
        autocompletion=completion.complete_legalise,
    ),
]
Blame = Annotated[
    bool, typer.Option("--blame", help="Also name the stage and the layers to blame; k210 blame.")
]
Firmware = Annotated[
    str,
    typer.Option(
        "--firmware",
        metavar="NAME",
        help="Stock firmware whose kmodel version and free memory the model has to fit.",
        autocompletion=completion.complete_firmware,
    ),
]
Checkpoint = Annotated[
    Path | None, typer.Option("--checkpoint", help="Weights of a method; else its own.")
]
Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="FILE|URL",
        help="SQLite file, or postgresql://…; by default K210_STORE, else k210.sqlite here.",
    ),
]
KeepIn = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="FILE|URL", help="Also put the run into this store; see k210 store."
    ),
]
Shape = Annotated[str, typer.Option("--shape", metavar="C,H,W", help="Input size of the module.")]
Range = Annotated[
    str, typer.Option("--range", metavar="LOW,HIGH", help="Values that bytes 0 and 255 stand for.")
]
Mean = Annotated[str, typer.Option("--mean", metavar="M,…", help="Subtracted, a channel.")]
Std = Annotated[str, typer.Option("--std", metavar="S,…", help="Divided by, a channel.")]
Color = Annotated[
    str,
    typer.Option(
        "--color",
        help="RGB, BGR or GRAY; by default as the channels say.",
        autocompletion=completion.complete_color,
    ),
]
Resize = Annotated[
    str,
    typer.Option(
        "--resize",
        help="center_crop, stretch or letterbox, for other sizes.",
        autocompletion=completion.complete_resize,
    ),
]

Number = TypeVar("Number", int, float)


def numbers(option: str, text: str, kind: Callable[[str], Number]) -> tuple[Number, ...]:
    """Read comma-separated numbers.

    Raises:
        UsageError: One is not a number; it is named.
    """
    try:
        return tuple(kind(part) for part in text.split(",")) if text else ()
    except ValueError as error:
        raise UsageError(f"{option} {text!r} is not a list of numbers", "e.g. 3,224,224") from error


def train_job(
    out: Path,
    data: Path | None,
    init: Path | None,
    seed: int,
    epochs: int | None,
    device: str,
    set_: list[str] | None,
    progress: Progress,
) -> TrainJob:
    """Make a training of the options that `train` and `run` share.

    Raises:
        UsageError: PyTorch has no such device here.
        MethodError: A `--set` has no value.
    """
    from harness.method import TrainJob, parse_assignments

    options = parse_assignments(set_ or [])
    if device != "cpu":
        _check_device(device)
    return TrainJob(out, data, seed, epochs, device, init, options=options, progress=progress)


def _check_device(device: str) -> None:
    import torch

    try:
        torch.empty(1, device=device)
    except (AssertionError, RuntimeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"PyTorch cannot use --device {device}: {reason}", "take cpu") from error


def backend_names(text: str) -> tuple[str, ...]:
    """Read `--backends`."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def contract_of(
    shape: str, range_: str, mean: str, std: str, color: str, resize: str
) -> InputContract:
    """Make an input contract of the options' texts.

    Raises:
        UsageError: A text cannot be read.
        ContractError: The values contradict each other.
    """
    from typing import cast, get_args

    from harness.method import ColorOrder, InputContract, ResizeRule

    sides = numbers("--shape", shape, int)
    bounds = numbers("--range", range_, float)
    if len(sides) != 3:
        raise UsageError(f"--shape {shape!r} has not three numbers", "e.g. 3,224,224")
    if len(bounds) != 2:
        raise UsageError(f"--range {range_!r} has not two numbers", "e.g. 0,1 or -1,1")
    color = color or ("GRAY" if sides[0] == 1 else "RGB")
    if color not in get_args(ColorOrder):
        raise UsageError(f"--color {color!r} is unknown", "RGB, BGR or GRAY")
    if resize not in get_args(ResizeRule):
        raise UsageError(f"--resize {resize!r} is unknown", "center_crop, stretch or letterbox")
    return InputContract(
        shape=(sides[0], sides[1], sides[2]),
        color=cast("ColorOrder", color),
        range=(bounds[0], bounds[1]),
        mean=numbers("--mean", mean, float),
        std=numbers("--std", std, float),
        resize=cast("ResizeRule", resize),
    )
