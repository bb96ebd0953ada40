"""Who judges: a classifier of pictures, and a probe that looks for the domain in E1's code."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from reference.content_transfer.data import as_floats
from reference.domains import Domain

JUDGE_STEPS = 300
_CHANNELS = (8, 16, 16)
_BATCH, _LEARNING_RATE = 64, 4e-3
# Share of the features' mean variance that the probe's ridge adds to each.
RIDGE = 0.01


class Judge(nn.Sequential):
    """Pictures of any size → a logit, float32 [N]; positive says that there is content."""

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        inputs = 3
        for outputs in _CHANNELS:
            layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.BatchNorm2d(outputs)]
            layers.append(nn.ReLU())
            inputs = outputs
        pooled = [nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * inputs, 1)]
        super().__init__(*layers, *pooled, nn.Flatten(0))


def fit_judge(plain: Domain, content: Domain, seed: int, device: str = "cpu") -> Judge:
    """Train a judge on pictures of both domains, half of each mini-batch from either."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        judge = Judge().to(device)
    stream = Generator().manual_seed(seed)
    sides = [torch.from_numpy(side.images).to(device) for side in (plain, content)]
    targets = torch.arange(2.0, device=device).repeat_interleave(_BATCH // 2)
    optimizer = torch.optim.Adam(judge.parameters(), lr=_LEARNING_RATE)
    for _ in range(JUDGE_STEPS):
        shown = torch.cat([_some(images, stream) for images in sides])
        loss = F.binary_cross_entropy_with_logits(judge(shown), targets)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return judge.cpu().eval()


def fit_probe(of_plain: Tensor, of_content: Tensor) -> nn.Linear:
    """Fit a linear probe that tells the domain from a code, by least squares with a ridge.

    In closed form, so that a probe is never worse for lack of steps.

    Args:
        of_plain: Codes of pictures of A, float32 [N, features].
        of_content: Codes of pictures of B, float32 [M, features].
    """
    sides = of_plain.double(), of_content.double()
    codes = torch.cat(sides)
    # Both domains count alike, however many pictures they have.
    weights = torch.cat([torch.full((len(side), 1), 0.5 / len(side)).double() for side in sides])
    targets = torch.cat(
        [torch.full((len(sides[0]), 1), -1.0), torch.ones(len(sides[1]), 1)]
    ).double()
    mean = (weights * codes).sum(dim=0)
    centred = codes - mean
    covariance = centred.T @ (weights * centred)
    ridge = RIDGE * covariance.diagonal().mean() * torch.eye(len(mean))
    slope = torch.linalg.solve(covariance + ridge.double(), centred.T @ (weights * targets))
    # Its start weights are not to be drawn from the caller's random stream.
    with torch.random.fork_rng():
        probe = nn.Linear(len(mean), 1)
    probe.load_state_dict({"weight": slope.T.float(), "bias": -(mean @ slope).float()})
    return probe.eval()


def _some(images: Tensor, stream: Generator) -> Tensor:
    places = torch.randint(len(images), (_BATCH // 2,), generator=stream)
    return as_floats(images[places.to(images.device)])
