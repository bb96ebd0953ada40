"""What a board's answers say: firmware that rounds otherwise, other bytes, or a bad line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from harness.blame.result import Stage
from harness.blame.wording import count as counted
from harness.kmodel import Program
from harness.simulator import Rules, Simulator

Images = npt.NDArray[np.uint8]
Outputs = Mapping[str, npt.NDArray[np.float32]]
OLD_RULES: Rules = "nncase-0.1"
BATCH = 8


@dataclass(frozen=True)
class BoardFinding:
    """What a board's answers say.

    Attributes:
        stage: The stage that is to blame; None where board and simulator are equal.
        evidence: Lines with numbers.
        layer: First layer in which they differ; "" where nobody asked.
    """

    stage: Stage | None
    evidence: tuple[str, ...]
    layer: str = ""


def check_board(
    program: Program,
    images: Images,
    runs: Sequence[Outputs],
    simulated: Outputs,
    layer: str = "",
) -> BoardFinding:
    """Compare a board's answers with the simulator, and look for what explains a difference.

    Args:
        program: The kmodel.
        images: uint8 [N, C, H, W], as the board got them.
        runs: The outputs of one run or more on the same images, by name, in file order.
        simulated: The simulator's, the same way.
        layer: First layer in which they differ, if somebody looked.
    """
    first, count = runs[0], len(images)
    different, moving = int(unequal(first, simulated).sum()), int(changing(runs).sum())
    total = counted(count, "picture")
    said = f"board and simulator differ on {different} of {total}"
    if moving:
        line = (
            f"{moving} of {total} gave other answers when the same bytes were sent "
            f"again ({len(runs)} runs)"
        )
        return BoardFinding("line", (line, said))
    if not different:
        return BoardFinding(None, (f"board and simulator are equal on {total}",))
    where = (f"the first layer that differs is {layer}",) if layer else ()
    for stage, text, outputs in _explanations(program, images):
        if not unequal(first, outputs).any():
            return BoardFinding(
                stage, (f"{text} equals the board bit for bit", said, *where), layer
            )
    again = f"; {len(runs)} runs agree with one another" if len(runs) > 1 else ""
    unknown = "neither the older rounding nor another order of the bytes explains it"
    return BoardFinding("firmware", (f"{said}{again}", unknown, *where), layer)


def unequal(a: Outputs, b: Outputs) -> npt.NDArray[np.bool_]:
    """Return for each picture whether any output differs."""
    pairs = zip(a.values(), b.values(), strict=True)
    differ = [(x.reshape(len(x), -1) != y.reshape(len(y), -1)).any(1) for x, y in pairs]
    return np.asarray(np.logical_or.reduce(differ), np.bool_)


def changing(runs: Sequence[Outputs]) -> npt.NDArray[np.bool_]:
    """Return for each picture whether any run's outputs differ from the first one's."""
    others = [unequal(runs[0], other) for other in runs[1:]]
    count = len(next(iter(runs[0].values())))
    return np.asarray(np.logical_or.reduce([np.zeros(count, np.bool_), *others]), np.bool_)


def _explanations(program: Program, images: Images) -> Iterator[tuple[Stage, str, Outputs]]:
    """Yield what may explain a difference, the likely first."""
    yield (
        "firmware",
        f"the simulator with the rounding of {OLD_RULES}",
        simulate(program, images, old=True),
    )
    count, channels, height, width = images.shape
    if channels == 1:
        return
    for text, other in (
        ("the simulator given the channels in reverse order (BGR for RGB)", images[:, ::-1]),
        (
            "the simulator given the bytes as pixels (NHWC)",
            images.reshape(count, height, width, channels).transpose(0, 3, 1, 2),
        ),
        (
            "the simulator given pixels (NHWC) where planes belong",
            images.transpose(0, 2, 3, 1).reshape(images.shape),
        ),
    ):
        turned = np.ascontiguousarray(other)
        yield "input contract", text, simulate(program, turned)
        yield (
            "firmware",
            f"{text}, with the rounding of {OLD_RULES},",
            simulate(program, turned, True),
        )


def simulate(program: Program, images: Images, old: bool = False) -> Outputs:
    """Return the simulator's outputs, float32 [N, …] by port."""
    simulator = Simulator(program, OLD_RULES if old else "nncase-0.2")
    parts: dict[str, list[torch.Tensor]] = {}
    for start in range(0, len(images), BATCH):
        for name, value in simulator(images[start : start + BATCH]).items():
            parts.setdefault(name, []).append(value.float())
    return {name: torch.cat(values).numpy() for name, values in parts.items()}
