"""What a disentangler is judged by: is the digit still known, and can the domain be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.method import EvaluationSet
from reference.dtn.data import Side
from reference.ufdn.data import Domains, labels_of
from reference.ufdn.losses import UNLABELLED
from reference.ufdn.networks import Disentangler
from reference.ufdn.trainer import to_floats

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.method import Images, Tensors

EVALUATION_BATCH = 256
# Of the probes; hidden values of 0 are a linear one.
PROBE_STEPS, PROBE_RATE, PROBE_DECAY, PROBE_HIDDEN = 200, 1e-2, 1e-3, 64


class Probe:
    """A classifier that is trained afresh to read domains from codes.

    Args:
        codes: Those to learn from, float32 [N, code].
        domains: Their domains, int64 [N]; each counts as much as the others.
        hidden: Hidden values; 0 for a linear probe.
    """

    def __init__(self, codes: Tensor, domains: Tensor, hidden: int = 0) -> None:
        self._mean = codes.mean(dim=0)
        self._spread = codes.std(dim=0) + 1e-6
        count = int(domains.max()) + 1
        inputs = codes.shape[1]
        shares = domains.bincount(minlength=count).float() / len(domains)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.network = (
                nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, count))
                if hidden
                else nn.Linear(inputs, count)
            )
        optimizer = torch.optim.Adam(
            self.network.parameters(), PROBE_RATE, weight_decay=PROBE_DECAY
        )
        for _ in range(PROBE_STEPS):
            loss = F.cross_entropy(self._logits(codes), domains, weight=1 / shares)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    @torch.no_grad()
    def accuracy(self, codes: Tensor, domains: Tensor) -> float:
        """Return the share of right answers, a mean over domains: chance is 1 / domains."""
        right = self._logits(codes).argmax(dim=1) == domains
        return float(
            np.mean([right[domains == one].float().mean() for one in set(domains.tolist())])
        )

    def _logits(self, codes: Tensor) -> Tensor:
        return self.network((codes - self._mean) / self._spread)  # type: ignore[no-any-return]


class DeployedMetrics:
    """Task metrics of one backend's outputs, told apart by domain.

    `accuracy` is that of the targets, `source_accuracy` that of the source; `domain_linear` and
    `domain_mlp` are how often probes, trained on float codes, read the domain from the backend's
    codes (chance is 1 / domains); `logit_kl` and `picture_psnr_db` compare with float.

    Args:
        module: What was deployed.
        domains: Where the probes learn.
        evaluation: Pictures that judge, by domain.
    """

    def __init__(self, module: nn.Module, domains: Domains, evaluation: Sequence[Side]) -> None:
        self._module, self._train = module, domains.train
        self._judging = evaluation
        self._places = {name: n for n, name in enumerate(_names(evaluation))}
        self._labels = np.concatenate([labels_of(side) for side in evaluation])
        self._domains = torch.cat(_numbers([len(side) for side in evaluation]))
        self._probes: dict[str, Probe] | None = None
        self._floats: tuple[Tensor, ...] | None = None

    def __call__(self, outputs: Tensors, evaluation: EvaluationSet) -> dict[str, float]:
        """Return the metrics of `logits`, if there are any, `code` and `picture`."""
        found = {name: torch.from_numpy(np.asarray(o, np.float32)) for name, o in outputs.items()}
        places = torch.tensor([self._places[name] for name in evaluation.ids])
        domains = self._domains[places]
        metrics = {
            name: probe.accuracy(found["code"], domains) for name, probe in self._readers().items()
        }
        expected = [output[places] for output in self._expected()]
        error = F.mse_loss(found["picture"], expected[-1]).item()
        # Of what is the same to the bit no ratio can be given.
        if error:
            metrics["picture_psnr_db"] = float(10 * np.log10(4 / error))
        if "logits" not in found:
            return metrics
        known = self._labels[places.numpy()], domains.numpy()
        return metrics | {
            "logit_kl": _divergence(found["logits"], expected[0]),
            **accuracies(found["logits"].argmax(dim=1).numpy(), *known),
        }

    def _readers(self) -> dict[str, Probe]:
        """Return the probes, trained once."""
        if self._probes is None:
            codes = [run(self._module, side.images)[-2] for side in self._train]
            self._probes = probes(torch.cat(codes), torch.cat(_numbers(_lengths(codes))))
        return self._probes

    def _expected(self) -> tuple[Tensor, ...]:
        """Return all outputs in float, computed once."""
        if self._floats is None:
            images = np.concatenate([side.images for side in self._judging])
            self._floats = run(self._module, images)
        return self._floats


def _divergence(logits: Tensor, expected: Tensor) -> float:
    """Return KL(expected ‖ given), a mean over pictures."""
    given, wanted = F.log_softmax(logits, dim=1), F.log_softmax(expected, dim=1)
    found = F.kl_div(given, wanted, reduction="batchmean", log_target=True)
    return max(0.0, found.item())


def _names(sides: Sequence[Side]) -> list[str]:
    return [name for side in sides for name in side.ids]


def probes(codes: Tensor, domains: Tensor) -> dict[str, Probe]:
    """Return the two probes, by the names of their metrics."""
    return {
        "domain_linear": Probe(codes, domains),
        "domain_mlp": Probe(codes, domains, PROBE_HIDDEN),
    }


def accuracies(
    predicted: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    domains: npt.NDArray[np.int64],
) -> dict[str, float]:
    """Return `accuracy` of all targets and `source_accuracy`, where there are labels."""
    found, known = {}, labels != UNLABELLED
    for name, chosen in (("accuracy", domains > 0), ("source_accuracy", domains == 0)):
        if (known & chosen).any():
            found[name] = float((predicted == labels)[known & chosen].mean())
    return found


@torch.no_grad()
def digit_accuracies(vae: Disentangler, head: nn.Module, sides: Sequence[Side]) -> dict[str, float]:
    """Return `accuracy` and `source_accuracy` of networks in evaluation mode."""
    codes = [_codes(vae, side.images) for side in sides]
    device = next(head.parameters()).device
    predicted = head(torch.cat(codes).to(device)).argmax(dim=1).cpu().numpy()
    labels = np.concatenate([labels_of(side) for side in sides])
    return accuracies(predicted, labels, torch.cat(_numbers(_lengths(codes))).numpy())


def judged(vae: Disentangler, head: nn.Module | None, domains: Domains) -> dict[str, float]:
    """Return all metrics of a finished training, on pictures that it has not seen.

    `pix_recon` is the reconstruction error, `digit_linear` how well a linear probe reads digits
    from codes where no head was trained; the rest is as in `DeployedMetrics`.
    """
    train, test = (
        [_codes(vae, side.images) for side in sides] for sides in (domains.train, domains.test)
    )
    known, asked, of_test = torch.cat(train), torch.cat(test), torch.cat(_numbers(_lengths(test)))
    readers = probes(known, torch.cat(_numbers(_lengths(train))))
    found = {name: probe.accuracy(asked, of_test) for name, probe in readers.items()}
    images = torch.from_numpy(np.concatenate([side.images for side in domains.test]))
    with torch.no_grad():
        made = vae.decoder(asked, torch.eye(len(domains))[of_test])
    found["pix_recon"] = F.mse_loss(made, to_floats(images)).item()
    if head is not None:
        return found | digit_accuracies(vae, head, domains.test)
    if all(side.labels is not None for side in (*domains.train, *domains.test)):
        learnt, right = (
            torch.from_numpy(np.concatenate([labels_of(side) for side in sides]))
            for sides in (domains.train, domains.test)
        )
        found["digit_linear"] = Probe(known, learnt).accuracy(asked, right)
    return found


@torch.no_grad()
def run(module: nn.Module, images: Images) -> tuple[Tensor, ...]:
    """Return all outputs of a deployed module for uint8 [N, 3, S, S]."""
    batches = torch.split(torch.from_numpy(images), EVALUATION_BATCH)
    parts = [module(to_floats(batch)) for batch in batches]
    return tuple(torch.cat(output) for output in zip(*parts, strict=True))


@torch.no_grad()
def _codes(vae: Disentangler, images: Images) -> Tensor:
    device = next(vae.parameters()).device
    batches = torch.split(torch.from_numpy(images), EVALUATION_BATCH)
    return torch.cat([vae.code(to_floats(batch.to(device))).cpu() for batch in batches])


def _lengths(parts: Sequence[Tensor]) -> list[int]:
    return [len(part) for part in parts]


def _numbers(counts: Sequence[int]) -> list[Tensor]:
    """Return the number of its domain for each picture, a tensor a domain."""
    return [torch.full((count,), number) for number, count in enumerate(counts)]
