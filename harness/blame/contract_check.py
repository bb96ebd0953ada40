"""What a kmodel does to its picture, against what the contract says: colours, mean, range, order.

The first convolution behind the picture is linear in the picture. So the picture that the kmodel
computes with can be told from the convolution's result, by least squares: which mixture of the
three channels, and which offsets, the float convolution would have to be given to agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.blame.flow import Flow
from harness.blame.graph import Graph
from harness.blame.link import Link
from harness.blame.tally import Tally
from harness.blame.units import Codes, Sums
from harness.kmodel.operations import KpuConv2d
from harness.method import InputContract

Floats = npt.NDArray[np.float64]

# Healthy first convolutions agree to 36 dB and better, with wrong pictures to 20 and worse.
AGREES_DB = 25.0
# A share by which factors and offsets of a healthy file differ at most, generously.
LEAST_CHANGE = 0.02
_EQUATIONS = 200_000
_PICTURES = 4


@dataclass(frozen=True)
class ContractFinding:
    """How the kmodel sees the picture.

    Attributes:
        layer: The convolution that it was told from.
        as_is_db: Agreement of the convolution with the picture as the contract says.
        best_db: Agreement under the best hypothesis.
        hypothesis: What brings the agreement back, in words.
    """

    layer: str
    as_is_db: float
    best_db: float
    hypothesis: str


def check_contract(
    flow: Flow, graph: Graph, links: Mapping[str, Link], contract: InputContract, codes: Tensor
) -> ContractFinding | None:
    """Return how the kmodel sees the picture, where that is not what the contract says.

    Args:
        flow: The program.
        graph: The float model.
        links: What belongs together.
        contract: What the bytes should stand for.
        codes: uint8 [N, C, H, W]; a few pictures.
    """
    link = _first_convolution(graph, links)
    if link is None:
        return None
    picture = Codes.of_bytes(contract.range).decode(codes[:_PICTURES])
    with torch.inference_mode():
        seen = _seen(flow, link, codes[:_PICTURES])
        as_is = _agreement(graph, link, picture, seen)
        if as_is >= AGREES_DB:
            return None
        turned = _turned(graph, link, codes[:_PICTURES], contract, seen)
        mixed = _mixed(graph, link, picture, seen, contract)
    found = [one for one in (turned, mixed) if one and one[0] >= max(AGREES_DB, as_is + 10)]
    if not found:
        return None
    best, text = max(found)
    return ContractFinding(link.operation.name, as_is, best, text)


def _first_convolution(graph: Graph, links: Mapping[str, Link]) -> Link | None:
    """Return the first convolution over the picture that is more than its normalisation."""
    for link in links.values():
        if isinstance(link.operation, KpuConv2d) and link.weights is not None:
            mixes = not (link.weights.weights.shape[2:] == (1, 1) and _diagonal(link))
            if mixes and graph.input in graph.ancestors[link.linear]:
                return link
    return None


def _diagonal(link: Link) -> bool:
    assert link.weights is not None
    weights = link.weights.weights[:, :, 0, 0]
    square = weights.shape[0] == weights.shape[1]
    return weights.shape[1] == 1 or bool(square and (weights == np.diag(np.diag(weights))).all())


def _seen(flow: Flow, last: Link, codes: Tensor) -> Tensor:
    """Return the convolution's result by the kmodel's own arithmetic, from the picture's bytes."""
    port = flow.program.inputs[0]
    values = {(port.name, 0): codes.reshape(len(codes), *port.buffer.shape)}
    for operation in flow.program.operations:
        inputs = flow.inputs(operation.name, values)
        if operation is last.operation:
            break
        values[operation.name, 0] = flow.on_codes(operation, inputs)
    known = flow.codes_of_input(last.operation.name)[0]
    layer = last.operation
    assert isinstance(layer, KpuConv2d)
    assert known is not None
    # The picture's own zero point may lie between two codes; the layer's does not.
    centred = inputs[0].float() - known.zero_point
    step, picked = flow.steps.get(layer.name, 1), layer.name in flow.picked
    sums = Sums(layer)(centred.flatten(0, 1), step, picked)
    assert last.linear_place is not None
    return last.linear_place.gather(torch.unflatten(sums, 0, inputs[0].shape[:2]) * last.unit)


def _convolved(graph: Graph, link: Link, picture: Tensor) -> Tensor:
    return graph.evaluate({graph.input: picture}, link.linear)


def _agreement(graph: Graph, link: Link, picture: Tensor, seen: Tensor) -> float:
    return _decibels(_convolved(graph, link, picture), seen)


def _decibels(reference: Tensor, candidate: Tensor) -> float:
    tally = Tally()
    tally.add(reference, candidate)
    found = tally.error().snr_db
    return 200.0 if found is None else found


def _turned(
    graph: Graph, link: Link, codes: Tensor, contract: InputContract, seen: Tensor
) -> tuple[float, str] | None:
    """Try the two mistakes of order: pixels for planes, and planes for pixels."""
    count, channels, height, width = codes.shape
    if channels == 1:
        return None
    pixels = codes.reshape(count, height, width, channels).permute(0, 3, 1, 2)
    planes = codes.permute(0, 2, 3, 1).reshape(codes.shape)
    tried = {
        "the kmodel reads the bytes as pixels (NHWC), the contract says planes (NCHW)": pixels,
        "the kmodel was made for pixels (NHWC) laid out as planes": planes,
    }
    given = Codes.of_bytes(contract.range)
    scored = (
        (_agreement(graph, link, given.decode(bytes_), seen), text)
        for text, bytes_ in tried.items()
    )
    return max(scored)


def _mixed(
    graph: Graph, link: Link, picture: Tensor, seen: Tensor, contract: InputContract
) -> tuple[float, str] | None:
    """Fit `mixture @ picture + offset`, and say it in words."""
    solution = _fit(graph, link, picture, seen)
    if solution is None:
        return None
    mixture, offset, scale = solution
    given = torch.einsum("ij,njhw->nihw", torch.tensor(mixture).float(), picture)
    given = given + torch.tensor(offset).float()[:, None, None]
    agreement = _decibels(_convolved(graph, link, given), seen / scale)
    text = _words(mixture, offset, contract)
    return (agreement, text) if text else None


def _fit(
    graph: Graph, link: Link, picture: Tensor, seen: Tensor
) -> tuple[Floats, Floats, float] | None:
    """Return mixture [C, C], offset [C], and the factor between the kmodel's units and ours."""
    zero = torch.zeros_like(picture)
    nothing = _convolved(graph, link, zero)
    channels = picture.shape[1]
    columns = []
    for into in range(channels):
        for source in [*range(channels), None]:
            alone = zero.clone()
            alone[:, into] = 1.0 if source is None else picture[:, source]
            columns.append(_convolved(graph, link, alone) - nothing)
    biased = bool(nothing.abs().max() > 0)
    design = torch.stack([one.flatten() for one in [*columns, *([nothing] if biased else [])]], 1)
    target = (seen if biased else seen - nothing).flatten()
    every = max(1, len(target) // _EQUATIONS)
    solved = np.linalg.lstsq(
        design[::every].double().numpy(), target[::every].double().numpy(), rcond=1e-8
    )[0]
    scale = float(solved[-1]) if biased else 1.0
    if scale <= 0:
        return None
    table = solved[: channels * (channels + 1)].reshape(channels, channels + 1) / scale
    return table[:, :channels], table[:, channels], scale


def _words(mixture: Floats, offset: Floats, contract: InputContract) -> str:
    """Return in words which picture the kmodel computes with; "" where it is the contract's."""
    order = np.abs(mixture).argmax(1)
    if sorted(order) != list(range(len(order))):
        return ""
    factors = mixture[np.arange(len(order)), order]
    rest = np.abs(mixture).sum(1) - np.abs(factors)
    if (rest > 0.2 * np.abs(factors)).any():
        return ""
    said = []
    if list(order) != list(range(len(order))):
        said.append(_order_words(order, contract))
    span = contract.range[1] - contract.range[0]
    changed = np.abs(factors - 1) > LEAST_CHANGE
    if changed.any() or (np.abs(offset) > LEAST_CHANGE * span).any():
        mean = (np.asarray(contract.mean) - offset) / factors
        std = np.asarray(contract.std) / factors
        said.append(
            f"the kmodel normalises as with mean {_listed(mean)} and std {_listed(std)}, "
            f"the contract says mean {_listed(contract.mean)} and std {_listed(contract.std)} "
            f"in a range of {_listed(contract.range)}"
        )
    return "; ".join(said)


def _order_words(order: npt.NDArray[np.int64], contract: InputContract) -> str:
    letters = contract.color if len(contract.color) == len(order) else "012"[: len(order)]
    found = "".join(letters[place] for place in order)
    return f"the kmodel takes {found} where the contract says {letters}"


def _listed(values: object) -> str:
    # What is a millionth of the others is none of them, and there is one zero.
    values = np.round(np.asarray(values, np.float64), 4) + 0.0
    return "(" + ", ".join(f"{value:.2g}" for value in np.atleast_1d(np.asarray(values))) + ")"
