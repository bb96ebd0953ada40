"""What blame looks at: a model in its two forms, pictures, and what others gave for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from harness.blame.kept import Ask
from harness.blame.names import PlacedOperation
from harness.blame.result import Asked, Column
from harness.errors import UsageError
from harness.method import InputContract

Images = npt.NDArray[np.uint8]
Outputs = Mapping[str, npt.NDArray[np.float32]]
# Results of layers that somebody else ran: (layer, column) → [N, …], as the kmodel stores them.
Answers = Mapping[tuple[str, Column], npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Suspect:
    """A model on its way to the board, and what is known of it.

    Attributes:
        run: Name of the run.
        contract: What the bytes of a picture stand for.
        onnx: The model that was compiled, its normalisation in it.
        rewrites: What the legaliser was asked to make of it.
        calibration: uint8 [N, C, H, W], where a rewrite took constants from them.
        kmodel: What it was compiled to, version 5.
        images: uint8 [N, C, H, W], as all backends get them.
        placed: What nncase's graph said of each compiled operation; empty if that is not kept.
        edits: Where the contract beside the model is not this one, a line each.
        asked: What was asked of the outputs, as the run judged them.
        floats: PyTorch's recorded outputs for the same images; None for none.
        kpu: Those of our simulator; None for none.
        nncase: Those of nncase's simulator; None for none.
        ask_nncase: Gives nncase's outputs for the picture at a place now; None for nobody to ask.
        board: Those of a board, of one run or more.
        board_layer: First layer in which board and simulator differ, if somebody looked.
    """

    run: str
    contract: InputContract
    onnx: bytes
    kmodel: bytes
    images: Images
    rewrites: Mapping[str, str] = field(default_factory=dict)
    calibration: Images | None = None
    placed: Iterable[PlacedOperation] = ()
    edits: Sequence[str] = ()
    asked: Sequence[Asked] = ()
    floats: Outputs | None = None
    kpu: Outputs | None = None
    nncase: Outputs | None = None
    ask_nncase: Ask | None = None
    board: Sequence[Outputs] = ()
    board_layer: str = ""

    def check(self) -> None:
        """Make sure that there are pictures, and that they are what the contract says.

        Raises:
            UsageError: They are not.
        """
        if not len(self.images):
            raise UsageError("there are no pictures to look at", "give more than none")
        if self.images.dtype != np.uint8 or self.images.shape[1:] != self.contract.shape:
            raise UsageError(
                f"the pictures are {self.images.dtype} {list(self.images.shape[1:])}, the "
                f"contract says uint8 {list(self.contract.shape)}",
                "give the pictures of this run",
            )
