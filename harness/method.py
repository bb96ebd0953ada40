"""The contracts everything else is written in: `Method`, `Deployable`, `InputContract`.

A *method* is a reference implementation of a paper: networks, losses, data, training. A
*deployable* is the part of it that runs on the K210. The *input contract* says which bytes a
deployable eats; the same bytes go to every backend.

This room imports neither PyTorch nor any other room but `harness.errors` and
`harness.progress`, so that `k210 --help` stays quick.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from harness.errors import ContractError, MethodError
from harness.progress import SILENT, Progress

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import nn

    Images = npt.NDArray[np.uint8]
    Tensors = Mapping[str, npt.NDArray[np.float32]]

ENTRY_POINT_GROUP = "k210.methods"
# Beyond anything a K210 can hold; larger ones are mistakes and would exhaust the PC's memory.
MAX_SIDE = 4096

ColorOrder = Literal["RGB", "BGR", "GRAY"]
ResizeRule = Literal["center_crop", "stretch", "letterbox"]


@dataclass(frozen=True)
class InputContract:
    """Which bytes a model eats, and what happens to them before the first layer.

    On the wire an input is always uint8 in NCHW order. Inside the compiled model a byte `q`
    becomes `low + q * (high - low) / 255` and then `(x - mean) / std`, channel by channel; the
    PyTorch module sees the result of both steps.

    Attributes:
        shape: Channels, height and width in pixels.
        color: Order of the channels.
        range: Values that bytes 0 and 255 stand for.
        mean: One value a channel, in units of `range`.
        std: One value a channel, in units of `range`; never zero.
        resize: How a picture of another size becomes `shape`: `center_crop` takes the largest
            centred rectangle of the right proportions and scales it, `stretch` ignores
            proportions, `letterbox` keeps all of the picture on a black ground.
    """

    shape: tuple[int, int, int]
    color: ColorOrder = "RGB"
    range: tuple[float, float] = (0.0, 1.0)
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    resize: ResizeRule = "center_crop"
    dtype: Literal["uint8"] = "uint8"
    layout: Literal["NCHW"] = "NCHW"

    def __post_init__(self) -> None:
        channels = self.shape[0]
        if not self.mean:
            object.__setattr__(self, "mean", (0.0,) * channels)
        if not self.std:
            object.__setattr__(self, "std", (1.0,) * channels)
        self._check()

    def _check(self) -> None:
        channels = self.shape[0]
        if min(self.shape) < 1 or max(self.shape) > MAX_SIDE:
            raise ContractError(
                f"input shape {self.shape} has a side below 1 or above {MAX_SIDE}",
                "the K210 takes pictures of at most 512 x 256 pixels",
            )
        if not all(map(math.isfinite, (*self.range, *self.mean, *self.std))):
            raise ContractError("range, mean or std contains a value that is no finite number")
        if channels != (1 if self.color == "GRAY" else 3):
            raise ContractError(
                f"input shape {self.shape} has {channels} channels but the colour order is "
                f"{self.color}",
                "use 3 channels for RGB and BGR, 1 for GRAY",
            )
        if len(self.mean) != channels or len(self.std) != channels:
            raise ContractError(
                f"mean has {len(self.mean)} and std {len(self.std)} values for {channels} channels",
                "give one value a channel",
            )
        if any(value == 0 for value in self.std):
            raise ContractError("std contains a zero, by which every pixel would be divided")
        if not self.range[0] < self.range[1]:
            raise ContractError(f"input range {self.range} is empty")

    @property
    def normalises(self) -> bool:
        """Whether mean and std change anything."""
        return any(self.mean) or any(value != 1 for value in self.std)


@dataclass(frozen=True)
class Tolerance:
    """What still counts as the same output. A limit of None is not checked."""

    cosine: float | None = None
    max_abs: float | None = None
    mean_abs: float | None = None
    snr_db: float | None = None
    rmse: float | None = None
    top1_agreement: float | None = None


@dataclass(frozen=True)
class EvaluationSet:
    """Inputs and their labels, such as those on which backends are compared.

    Attributes:
        ids: One name an item, unique, stable from run to run.
        inputs: uint8 [N, C, H, W], bytes as the contract says.
        labels: int64 [N], the true class or other target index; None where there is none.
        classes: Names of the classes, by label.
    """

    ids: tuple[str, ...]
    inputs: Images
    labels: npt.NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Deployable:
    """The part of a method that runs on the K210, with all that a comparison needs.

    Attributes:
        name: Short name, used in file names.
        module: The PyTorch module in evaluation mode: float32 [N, C, H, W] in, one tensor or a
            tuple of tensors out.
        contract: Which bytes it eats.
        outputs: One name an output, in the order of the module's results.
        calibration: uint8 [M, C, H, W], the images that quantisation looks at.
        evaluation: The images that the backends are compared on.
        tolerance: By output name; an output that is missing here is reported, not judged.
        metrics: Task metrics of one backend's outputs, such as {"accuracy": 0.8}.
        seeds: Every seed that training and sampling used, by name.
        warnings: Remarks about the data, one line each.
        rewrites: How the legaliser is to treat it: rewrite → mode, where not the default.
        training: Items that `k210 finetune` may learn from, none of them in `evaluation`; None
            where the method has none to give.
    """

    name: str
    module: nn.Module
    contract: InputContract
    outputs: tuple[str, ...]
    calibration: Images
    evaluation: EvaluationSet
    tolerance: Mapping[str, Tolerance] = field(default_factory=dict)
    metrics: Callable[[Tensors, EvaluationSet], dict[str, float]] | None = None
    seeds: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    rewrites: Mapping[str, str] = field(default_factory=dict)
    training: EvaluationSet | None = None


@dataclass(frozen=True)
class Fold:
    """One of `count` cross-validation folds, counted from 0."""

    index: int
    count: int


@dataclass(frozen=True)
class MethodInfo:
    """What `k210 methods` prints of a method.

    Attributes:
        name: Name on the command line.
        title: One line that says what it does.
        paper: Citation, with the address of the paper.
        input: Contract of the deployable at the default options.
        parameters: Number of weights of the deployable at the default options.
        macs: Multiply-accumulates for one input at the default options.
        options: Name → (default, one line of help), settable with `--set name=value`.
    """

    name: str
    title: str
    paper: str
    input: InputContract
    parameters: int
    macs: int
    options: Mapping[str, tuple[Any, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainJob:
    """Everything that one training needs.

    Attributes:
        out: Folder for the checkpoint and the curves; an interrupted training found there is
            taken up where it stopped.
        data: Folder or zip with the user's data; None for the method's own small set.
        seed: Start of every random stream.
        epochs: Passes over the data; None for the method's own number.
        device: PyTorch device name.
        init: Checkpoint to start from (transfer learning); None for random weights.
        fold: Cross-validation fold; None for the method's own split.
        options: Method options by name, as text; the method checks them.
        progress: Who is told how it goes.
    """

    out: Path
    data: Path | None = None
    seed: int = 0
    epochs: int | None = None
    device: str = "cpu"
    init: Path | None = None
    fold: Fold | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = SILENT


@runtime_checkable
class Method(Protocol):
    """A reference implementation that the harness can train, deploy and compare."""

    def info(self) -> MethodInfo:
        """Say what this method is. Cheap: no data is read, no weights are made."""

    def train(self, job: TrainJob) -> Path:
        """Train, and return the path of the checkpoint (`checkpoint.safetensors`)."""

    def deployable(
        self, checkpoint: Path, data: Path | None = None, fold: Fold | None = None
    ) -> Deployable:
        """Load a checkpoint and make the part that runs on the K210 of it."""

    def artefacts(
        self, deployable: Deployable, kmodel: Path, training: Path, out: Path
    ) -> Mapping[str, str]:
        """Write what else a user gets into `out`: SD card archive, mail table, curves.

        Args:
            deployable: What was compiled.
            kmodel: The file that boards load.
            training: The folder that `train` wrote to; without a training it may be empty.
            out: Folder to write into.

        Returns:
            What was written: a short description → path below `out`.
        """


@runtime_checkable
class Shipping(Protocol):
    """A method that comes with trained weights for its own data."""

    def shipped(self) -> Path:
        """Return the checkpoint that `k210 run` takes where nothing else is asked for."""


def available() -> dict[str, metadata.EntryPoint]:
    """Return the registered methods by name, without importing any of them."""
    return {point.name: point for point in metadata.entry_points(group=ENTRY_POINT_GROUP)}


def get(name: str) -> Method:
    """Import and return one registered method.

    Raises:
        MethodError: There is no such method, or importing it failed.
    """
    points = available()
    if name not in points:
        raise MethodError(
            f"there is no method called {name!r}",
            f"choose one of: {', '.join(sorted(points)) or '(none is registered)'}",
        )
    try:
        method = points[name].load()
    except Exception as error:
        raise MethodError(
            f"method {name!r} could not be imported from {points[name].value}: {error}",
            "install it with its extras: pip install 'k210-harness[reference]'",
        ) from error
    if not isinstance(method, Method):
        raise MethodError(f"{points[name].value} is not a Method", "see harness/method.py")
    return method


def parse_assignments(pairs: Sequence[str]) -> dict[str, str]:
    """Turn `["width=0.5"]` into `{"width": "0.5"}`.

    Raises:
        MethodError: A pair has no `=`.
    """
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise MethodError(f"option {wrong[0]!r} has no value", "write it as NAME=VALUE")
    return dict(pair.split("=", 1) for pair in pairs)
