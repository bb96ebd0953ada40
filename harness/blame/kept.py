"""What a run kept of its simulators' outputs, against what they give now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Outputs = Mapping[str, npt.NDArray[np.float32]]
# Gives the outputs of nncase's simulator now, in file order, for the picture at a place.
Ask = Callable[[int], Sequence[npt.NDArray[np.generic]]]

# Floats behind the last codes may differ in their last bits from one machine to the next.
_SAME = 1e-4


@dataclass(frozen=True)
class Kept:
    """What the comparison says.

    Attributes:
        changed: That the file is another now, in words; "" where it is the same.
        simulators: That the two simulators differ, in words; "" where they do not.
    """

    changed: str = ""
    simulators: str = ""


def compare_kept(
    simulated: Outputs,
    kpu: Outputs | None,
    nncase: Outputs | None,
    ask: Ask | None,
) -> Kept:
    """Tell a file that has changed since its run from simulators that differ.

    Args:
        simulated: Outputs of our simulator now, [N, …] by port.
        kpu: What the run kept of our simulator; None for nothing.
        nncase: What it kept of nncase's.
        ask: Gives nncase's outputs now for the picture at a place; None for nobody to ask.
    """
    if kpu is not None and _apart(kpu, simulated).any():
        told = _told(kpu, simulated)
        return Kept(changed=f"our simulator gives other outputs than it gave then: {told}")
    if nncase is None:
        return Kept()
    differ = _unequal(nncase, simulated)
    if not differ.any():
        return Kept()
    told = _told(nncase, simulated)
    if kpu is None and ask is not None:
        place = int(differ.argmax())
        now = [np.asarray(one).reshape(-1) for one in ask(place)]
        ours = [value[place].reshape(-1) for value in simulated.values()]
        if all(np.array_equal(a, b) for a, b in zip(now, ours, strict=True)):
            return Kept(changed=f"nncase's simulator gives other outputs than then: {told}")
    return Kept(simulators=f"nncase's simulator and ours differ: {told}")


def _unequal(a: Outputs, b: Outputs) -> npt.NDArray[np.bool_]:
    """Return for each picture whether any value differs."""
    pairs = zip(a.values(), b.values(), strict=True)
    each = [(x.reshape(len(x), -1) != y.reshape(len(y), -1)).any(1) for x, y in pairs]
    return np.asarray(np.logical_or.reduce(each), np.bool_)


def _apart(a: Outputs, b: Outputs) -> npt.NDArray[np.bool_]:
    """Return for each output whether it differs by more than the last bits of floats."""
    pairs = zip(a.values(), b.values(), strict=True)
    return np.array([not _alike(x.reshape(-1), y.reshape(-1)) for x, y in pairs])


def _alike(x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> bool:
    reach = float(np.abs(x).max(initial=0.0, where=np.isfinite(x)))
    return bool(np.allclose(x, y, rtol=0.0, atol=_SAME * reach, equal_nan=True))


def _told(a: Outputs, b: Outputs) -> str:
    pairs = [(x.reshape(-1), y.reshape(-1)) for x, y in zip(a.values(), b.values(), strict=True)]
    differ = sum(int((x != y).sum()) for x, y in pairs)
    return f"{differ} of {sum(len(x) for x, _ in pairs)} values"
