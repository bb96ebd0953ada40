"""What a transfer is judged by: has the content moved, is the rest as it was, what does E1 tell.

Pictures are compared in -1 to 1. Where faces are rendered, the picture that a transfer should
give is known; the content lies where it differs from the target without content by more than
`MARK`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from harness.method import EvaluationSet
from reference.content_transfer.data import Pairs, Pictures, as_floats, has_content
from reference.content_transfer.networks import ContentTransfer

if TYPE_CHECKING:
    from harness.method import Images, Tensors

Floats = npt.NDArray[np.float32]

# A quarter of the range, of the colour that differs most.
MARK = 0.5
BATCH = 256


class TransferMetrics:
    """Task metrics of one backend's outputs for pairs.

    `judged_content` is the share of its pictures in which the judge sees content; `probe_accuracy`
    says how often the probe reads the target's domain from E1's code (0.5 is a guess). With truth:
    those of `against_truth`.

    Args:
        judge: A classifier of pictures.
        probe: A linear one of E1's codes.
        pairs: What is known of the pairs.
    """

    def __init__(self, judge: nn.Module, probe: nn.Module, pairs: Pairs) -> None:
        self.judge, self.probe, self.pairs = judge, probe, pairs

    def __call__(self, outputs: Tensors, evaluation: EvaluationSet) -> dict[str, float]:
        """Return the metrics of `picture` and `common`."""
        made = np.asarray(outputs["picture"], np.float32)
        codes = torch.from_numpy(np.asarray(outputs["common"], np.float32))
        of_b = np.array([has_content(name) for name in evaluation.ids])
        found = {
            "judged_content": positive_share(self.judge, torch.from_numpy(made)),
            "probe_accuracy": probe_accuracy(self.probe, codes[~of_b], codes[of_b]),
        }
        if self.pairs.wanted:
            bare = np.stack([self.pairs.bare[name] for name in evaluation.ids])
            wanted = np.stack([self.pairs.wanted[name] for name in evaluation.ids])
            found |= against_truth(made, to_floats(bare), to_floats(wanted))
        return found


def against_truth(made: Floats, bare: Floats, wanted: Floats) -> dict[str, float]:
    """Compare transferred pictures with what they should be, all float32 [N, 3, H, W].

    Args:
        made: What the networks made.
        bare: The targets without any content.
        wanted: The targets with the guides' content.

    Returns:
        `content_iou`, of the place of the content, over pictures that should have some;
        `inside_rmse` and `outside_rmse`, the distance from `wanted` there and elsewhere. Where no
        picture should have any, the last alone.
    """
    place, found = _marked(wanted, bare), _marked(made, bare)
    figures = {"outside_rmse": rmse_at(made, wanted, ~place)}
    # Content of nearly the colour of what it covers has no place to find.
    there = place.any(axis=(1, 2))
    if there.any():
        common = (place & found).sum(axis=(1, 2))[there]
        either = (place | found).sum(axis=(1, 2))[there]
        figures["content_iou"] = float((common / either).mean())
        figures["inside_rmse"] = rmse_at(made, wanted, place)
    return figures


def own_guide_share(made: Floats, wanted: Floats, others: Floats) -> float:
    """Return how many pictures are nearer to the one of their own guide than of another."""
    own, other = ((made - one) ** 2 for one in (wanted, others))
    return float((own.sum(axis=(1, 2, 3)) < other.sum(axis=(1, 2, 3))).mean())


def rmse_at(one: Floats, other: Floats, place: npt.NDArray[np.bool_] | None = None) -> float:
    """Return the root mean square difference, at some places [N, H, W] or everywhere."""
    squared = ((one - other) ** 2).mean(axis=1)
    return float(np.sqrt((squared if place is None else squared[place]).mean()))


def positive_share(judge: nn.Module, pictures: Tensor) -> float:
    """Return the share of pictures, float32 [N, 3, H, W], that have a positive logit."""
    return float((apply(judge, pictures) > 0).float().mean())


def probe_accuracy(probe: nn.Module, of_plain: Tensor, of_content: Tensor) -> float:
    """Return how often a probe is right about E1's codes, both domains counting alike."""
    right = [
        float(((probe(codes.flatten(1)) > 0) == expected).float().mean())
        for codes, expected in ((of_plain, False), (of_content, True))
        if len(codes)
    ]
    return sum(right) / len(right)


@torch.no_grad()
def judged(
    networks: ContentTransfer, judge: nn.Module, probe: nn.Module, pictures: Pictures
) -> Mapping[str, float]:
    """Return all figures of trained networks, in float, on pictures that they have not seen.

    Each held-out picture of A gets the content of the picture of B at the same place.
    """
    count = min(len(pictures.held_plain), len(pictures.held_content))
    a, b = (
        as_floats(torch.from_numpy(one.images[:count]))
        for one in (pictures.held_plain, pictures.held_content)
    )
    parts = list(zip(torch.split(a, BATCH), torch.split(b, BATCH), strict=True))
    moved = torch.cat([networks.transfer(x, y) for x, y in parts])
    removed, plain = apply(networks.remove, b), apply(networks.remove, a)
    found = {
        "judge_accuracy": (1 - positive_share(judge, a) + positive_share(judge, b)) / 2,
        "probe_accuracy": probe_accuracy(probe, apply(networks.e1, a), apply(networks.e1, b)),
        "transferred_judged_content": positive_share(judge, moved),
        "removed_judged_content": positive_share(judge, removed),
        "plain_rmse": rmse_at(plain.numpy(), a.numpy()),
        "content_rmse": rmse_at(apply(networks.reconstruct, b).numpy(), b.numpy()),
    }
    if pictures.truth is not None:
        truth = pictures.truth
        given, bare = to_floats(truth.given), to_floats(truth.bare)
        found |= against_truth(moved.numpy(), a.numpy(), given)
        found["own_guide"] = own_guide_share(moved.numpy(), given, to_floats(truth.other))
        found["removed_rmse"] = rmse_at(removed.numpy(), bare)
        found["content_left"] = rmse_at(removed.numpy(), bare, _marked(b.numpy(), bare))
    return found


def to_floats(images: Images) -> Floats:
    """Turn bytes into what the networks see, as an array."""
    return as_floats(torch.from_numpy(images)).numpy()


def apply(function: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    """Return what a function of batches makes of all pictures, without gradients."""
    with torch.no_grad():
        return torch.cat([function(part) for part in torch.split(pictures, BATCH)])


def _marked(pictures: Floats, bare: Floats) -> npt.NDArray[np.bool_]:
    """Return where two pictures differ clearly in a colour, [N, H, W]."""
    return np.asarray(np.abs(pictures - bare).max(axis=1) > MARK)
