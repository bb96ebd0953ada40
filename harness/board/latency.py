"""How fast a board is: the model alone by the rule of MLPerf Tiny, and the camera loop apart.

The rule: warm up, then run at least five different inputs for at least ten seconds, and say the
median and the slow end. Source: MLCommons Tiny, `benchmark/runner` (performance mode). Warm-up and
percentiles 95 and 99 are our choice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.board.answers import expect, times
from harness.board.runner import RUN_SECONDS, Array, Runner, Waist
from harness.board.scripts import script
from harness.errors import BoardError

INPUTS = 5
SECONDS = 10.0
WARM_UP = 3

_FRAMES = re.compile(r"^(\d+) frames in (\d+) ms", re.MULTILINE)


@dataclass(frozen=True)
class BoardLatency:
    """Times of single inferences by the board's own clock.

    Attributes:
        p50: Median, in milliseconds.
        p95: 95 of 100 were not slower, in milliseconds.
        p99: 99 of 100 were not slower, in milliseconds.
        fps: Inferences a second, camera and display left out.
        runs: How many were measured.
        inputs: How many different inputs they ran on.
        seconds: Time that all of them took together.
    """

    p50: float
    p95: float
    p99: float
    fps: float
    runs: int
    inputs: int
    seconds: float

    @classmethod
    def of(cls, microseconds: npt.NDArray[np.int64], inputs: int) -> BoardLatency:
        """Summarise times [N] in microseconds."""
        p50, p95, p99 = (float(value) / 1e3 for value in np.percentile(microseconds, (50, 95, 99)))
        total = float(microseconds.sum()) / 1e6
        runs = len(microseconds)
        return cls(p50, p95, p99, runs / total, runs, inputs, total)


def measure(runner: Runner, inputs: Array, seconds: float | None = None) -> BoardLatency:
    """Measure an open model.

    Args:
        runner: The model, open on a board.
        inputs: [N, C, H, W]; the first five are used.
        seconds: For how long to measure, at the least; None for `SECONDS`.

    Raises:
        BoardError: There are fewer than five inputs, or they are the same.
    """
    seconds = SECONDS if seconds is None else seconds
    chosen = np.unique(inputs, axis=0)[:INPUTS]
    if len(chosen) < INPUTS:
        raise BoardError(
            f"latency wants {INPUTS} different inputs, there are {len(chosen)}",
            "give more pictures with --inputs",
        )
    paths = [runner.put(x, place) for place, x in enumerate(chosen)]
    # At least one round of all inputs is run, however long one takes.
    limit = seconds + RUN_SECONDS * (INPUTS + WARM_UP)
    asked = paths, WARM_UP, round(seconds * 1000)
    printed = runner.board.exec(f"latency{asked!r}", timeout=limit)
    found = times(expect(printed, f"done {asked!r}"))
    return BoardLatency.of(np.array(found, np.int64), INPUTS)


def camera_fps(
    board: Waist, model: str | None = None, side: int = 224, outputs: int = 1, lines: int = 3
) -> float:
    """Return the frames a second of `device_scripts/fps.py`: camera, display, and a model.

    Args:
        board: The board.
        model: Path of a kmodel on the board; None measures camera and display alone.
        side: Side of the model's input.
        outputs: Number of its output values.
        lines: How many times 30 frames are counted; the first does not count.

    Raises:
        BoardError: The board has no camera or display, or says nothing.
    """
    values = {"MODEL": model, "SIDE": side, "OUTPUTS": outputs, "LINES": lines}
    text = script("fps.py")
    for name, value in values.items():
        text = re.sub(rf"^{name} = .*$", f"{name} = {value!r}", text, flags=re.MULTILINE)
    printed = board.exec(text, timeout=lines * RUN_SECONDS, name="fps.py")
    found = [(int(count), int(ms)) for count, ms in _FRAMES.findall(printed)][1:]
    if not found:
        raise BoardError(f"the camera loop printed no frame rate but {printed[-60:]!r}")
    return 1000 * sum(count for count, _ in found) / sum(ms for _, ms in found)
