"""What is learnt from, and what is judged by: rendered stereograms, or the user's pairs.

Pairs with known disparities teach if there are enough of them; a fifth of them only judges. Fewer
pairs, and pairs without disparities, only judge: what is learnt from then are rendered scenes
that wear pieces of their left pictures, so that they look like them.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import DataError
from harness.method import EvaluationSet
from harness.progress import SILENT, Progress
from reference.stereonet.layers import layered_scenes
from reference.stereonet.pairs import read_pairs
from reference.stereonet.photographs import TO_JUDGE_BY, TO_LEARN_FROM, photographs
from reference.stereonet.scenes import Stereograms, judging_scenes, scenes
from reference.stereonet.settings import PHOTOGRAPHS, Settings

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.method import Images

FEWEST = 8
JUDGING_SHARE = 0.2
TEST_PAIRS = 32
# Height and width: room for disparities of 64 pixels.
LAYERED_SIZE = 128, 256
# Random streams: what is learnt from, and what judges.
TRAIN_SERIES, TEST_SERIES = 1, 2


@dataclass(frozen=True)
class Pairs:
    """Rectified pairs.

    Attributes:
        ids: One name a pair.
        left: uint8 [N, 3, H, W].
        right: The same.
        disparity: float32 [N, 1, H, W] in pixels, of the left picture, 0 where unknown; None
            where nothing is known.
    """

    ids: tuple[str, ...]
    left: Images
    right: Images
    disparity: npt.NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, places: list[int]) -> Pairs:
        """Return some of the pairs."""
        truth = None if self.disparity is None else self.disparity[places]
        ids = tuple(self.ids[place] for place in places)
        return Pairs(ids, self.left[places], self.right[places], truth)

    def pictures(self) -> Images:
        """Return all pictures, left, right, left, right: uint8 [2 N, 3, H, W]."""
        both = np.stack([self.left, self.right], axis=1)
        return np.ascontiguousarray(both.reshape(-1, *self.left.shape[1:]))

    def evaluation(self) -> EvaluationSet:
        """Return all pictures as backends are compared on them."""
        names = tuple(f"{name}-{side}" for name in self.ids for side in ("left", "right"))
        return EvaluationSet(names, self.pictures())

    def truths(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return the disparities by name of the pair, where anything is known."""
        if self.disparity is None:
            return {}
        known = zip(self.ids, self.disparity, strict=True)
        return {name: truth for name, truth in known if (truth > 0).any()}

    def fingerprint(self) -> str:
        """Return a hash of all pictures and disparities."""
        digest = hashlib.sha256()
        for part in (self.left, self.right, self.disparity):
            digest.update(b"none" if part is None else np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Sides:
    """Both sides of the split.

    Attributes:
        train: To learn from; all of their disparities are known somewhere.
        test: To judge by.
        remark: What a user should know about where they are from; "" for nothing.
    """

    train: Pairs
    test: Pairs
    remark: str = ""

    def fingerprint(self) -> str:
        """Return a hash of all of it."""
        both = self.train.fingerprint() + self.test.fingerprint()
        return hashlib.sha256(both.encode()).hexdigest()


def load_sides(
    data: Path | None, settings: Settings, progress: Progress = SILENT, count: int | None = None
) -> Sides:
    """Read the user's pairs, or render those of the small experiment.

    Args:
        data: Folder or zip with `left/`, `right/` and perhaps `disparity/`; None for stereograms.
        settings: How many pairs are rendered, and for which disparities.
        progress: Who hears of the decoding.
        count: Rendered pairs, where fewer than the settings' will do; the first are the same.

    Raises:
        DataError: See `read_pairs`; or all pairs are the same, or no disparity is usable.
    """
    wanted = min(count or settings.pairs, settings.pairs)
    if data is None and settings.scenes == PHOTOGRAPHS:
        return photographed(wanted, settings.disparities)
    if data is None:
        return Sides(rendered(wanted, settings.disparities), judging())
    own = Pairs(*read_pairs(data, progress))
    _check_known(own, settings.disparities, data)
    if own.disparity is not None and len(own) >= FEWEST:
        return split(own)
    why = (
        f"{data} has no {'disparity/' if own.disparity is None else 'more than a few pairs'}: "
        "learning from rendered scenes that wear its pictures"
    )
    made = layered_scenes(wanted, TRAIN_SERIES, settings.disparities, list(own.left))
    return Sides(_named(made, "worn"), own, why)


@cache
def rendered(count: int, disparities: int) -> Pairs:
    """Return the stereograms that are learnt from."""
    return _named(scenes(count, TRAIN_SERIES, disparities), "learnt")


@cache
def judging(count: int = TEST_PAIRS, noise: float = 0.0) -> Pairs:
    """Return the stereograms that are judged by."""
    return _named(judging_scenes(count, TEST_SERIES, noise), "dots")


@cache
def photographed(count: int, disparities: int) -> Sides:
    """Return layered scenes that wear photographs; other ones on those that judge."""
    train, test = (
        _named(layered_scenes(number, series, disparities, photographs(names), LAYERED_SIZE), kind)
        for number, series, names, kind in (
            (count, TRAIN_SERIES, TO_LEARN_FROM, "learnt"),
            (TEST_PAIRS, TEST_SERIES, TO_JUDGE_BY, "worn"),
        )
    )
    return Sides(train, test)


def split(pairs: Pairs, share: float = JUDGING_SHARE) -> Sides:
    """Return pairs to learn from and pairs to judge by, chosen by what they show.

    Raises:
        DataError: All pairs are the same.
    """
    shown = [
        hashlib.sha256(left.tobytes() + right.tobytes()).digest()
        for left, right in zip(pairs.left, pairs.right, strict=True)
    ]
    different = sorted(set(shown))
    if len(different) < 2:
        raise DataError(
            f"all {len(pairs)} pairs are the same, so that none can judge", "give different ones"
        )
    chosen = set(different[: min(math.ceil(share * len(different)), len(different) - 1)])
    places = range(len(pairs))
    return Sides(
        pairs.take([place for place in places if shown[place] not in chosen]),
        pairs.take([place for place in places if shown[place] in chosen]),
    )


def _check_known(pairs: Pairs, disparities: int, data: Path) -> None:
    if pairs.disparity is None:
        return
    usable = (pairs.disparity > 0) & (pairs.disparity < disparities)
    for name, one in zip(pairs.ids, usable, strict=True):
        if not one.any():
            raise DataError(
                f"no disparity of {name} in {data} is known and below {disparities} pixels of a "
                "picture 192 pixels wide",
                "give --set disparities=64, or check its unit, which is pixels",
            )


def _named(made: Stereograms, kind: str) -> Pairs:
    names = tuple(f"{kind}{number:04d}" for number in range(len(made.left)))
    return Pairs(names, made.left, made.right, made.disparity)
