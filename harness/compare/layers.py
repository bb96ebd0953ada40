"""The first layer in which this simulator and nncase's differ, where their outputs do.

nncase shows no layers, but it runs models that end behind one. So the model is cut in halves, and
each half's end is held against what this simulator's layer of that name gives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.compare.comparison import Comparison, Difference
from harness.compiler.worker.client import get_worker
from harness.errors import ConversionError, SimulationError
from harness.kmodel import Program, save
from harness.kmodel.dataflow import producers

if TYPE_CHECKING:
    from harness.simulator import Simulator

Array = npt.NDArray[Any]
Run = Callable[[bytes, Array], list[Array]]


@dataclass(frozen=True)
class LayerDifference:
    """The first element in which one layer's results differ.

    Attributes:
        layer: Name of the operation.
        index: Place of the element in its first output.
        reference: nncase's value.
        candidate: This simulator's value.
    """

    layer: str
    index: tuple[int, ...]
    reference: float
    candidate: float


def locate(comparison: Comparison, simulator: Simulator, inputs: Mapping[str, Array]) -> Comparison:
    """Return a comparison of nncase with this simulator whose differences name their layer.

    Args:
        comparison: As it was found; what is bit-exact stays as it is.
        simulator: Of the same kmodel, version 5.
        inputs: uint8 [C, H, W] by the name of the item.
    """
    outputs = {}
    for name, entry in comparison.outputs.items():
        first = entry.first_difference
        if first is not None and first.item in inputs:
            layer = first_layer(simulator, inputs[first.item])
            entry = replace(entry, first_difference=_with_layer(first, layer, comparison))
        outputs[name] = entry
    return replace(comparison, outputs=outputs)


def first_layer(
    simulator: Simulator, item: Array, run: Run | None = None
) -> LayerDifference | None:
    """Return where the two simulators first differ on one item.

    It is a layer whose inputs are the same in both. In a model without branches that is the first
    layer that differs.

    Args:
        simulator: Of a kmodel of version 5.
        item: One input, without the batch.
        run: What runs a kmodel on [1, ...]; None for nncase's simulator.

    Returns:
        None where no layer differs that can be asked for.
    """
    layers = _Layers(simulator.program, _results(simulator, item), item, run or _nncase)
    names = [operation.name for operation in simulator.program.operations]
    found = layers.search(names)
    while found is not None:
        before = [name for name in _read_by(simulator.program, found) if layers.differ(name)]
        if not before:
            return layers.difference(found)
        found = layers.search(names[: names.index(before[0]) + 1])
    return None


@dataclass
class _Layers:
    """What one simulator gave for every layer, and what the other gives when it is asked.

    Attributes:
        program: The whole model.
        ours: The first output of each layer.
        item: The input.
        run: Runs a kmodel.
        asked: Answers so far; None where a model that ends there cannot be run.
    """

    program: Program
    ours: Mapping[str, Array]
    item: Array
    run: Run
    asked: dict[str, Array | None] = field(default_factory=dict)

    def search(self, names: Sequence[str]) -> str | None:
        """Return a layer that differs behind one that does not, by halves."""
        last = next((name for name in reversed(names) if self.theirs(name) is not None), None)
        if last is None or not self.differ(last):
            return None
        low, high = 0, names.index(last)
        while low < high:
            middle = (low + high) // 2
            if self.differ(names[middle]):
                high = middle
            else:
                low = middle + 1
        return names[high]

    def differ(self, name: str) -> bool:
        """Return whether a layer differs; one that cannot be asked for does not."""
        theirs = self.theirs(name)
        return theirs is not None and bool(_differing(theirs, self.ours[name]).any())

    def difference(self, name: str) -> LayerDifference:
        """Return the first element that differs in a layer that does."""
        theirs, ours = self.theirs(name), self.ours[name]
        assert theirs is not None
        place = int(_differing(theirs, ours).argmax())
        shape = self.program.operation(name).output.shape
        index = tuple(int(n) for n in np.unravel_index(place, shape))
        values = float(theirs.flat[place]), float(ours.flat[place])
        return LayerDifference(name, index, *values)

    def theirs(self, name: str) -> Array | None:
        """Return what the other simulator gives for a layer."""
        if name not in self.asked:
            try:
                found = self.run(save(self.program.until(name)), self.item[None])[0]
            except (ConversionError, SimulationError):
                self.asked[name] = None
            else:
                same = found.size == self.ours[name].size
                self.asked[name] = found if same else None
        return self.asked[name]


def _nncase(kmodel: bytes, x: Array) -> list[Array]:
    return get_worker().simulate(kmodel, x).outputs


def _results(simulator: Simulator, item: Array) -> dict[str, Array]:
    """Return the first output of every layer for one item."""
    seen: dict[str, Array] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(_layer: object, _inputs: object, result: Any) -> None:  # noqa: ANN401
            first = result[0] if isinstance(result, tuple) else result
            seen[name] = first.cpu().numpy()

        return hook

    handles = [layer.register_forward_hook(keep(name)) for name, layer in simulator.layers.items()]
    try:
        simulator(item[None])
    finally:
        for handle in handles:
            handle.remove()
    return seen


def _read_by(program: Program, name: str) -> list[str]:
    """Return the layers whose results a layer reads, in running order."""
    sources = {source.producer for each in producers(program)[name] for source in each}
    return [operation.name for operation in program.operations if operation.name in sources]


def _differing(a: Array, b: Array) -> npt.NDArray[np.bool_]:
    flat_a, flat_b = a.reshape(-1), b.reshape(-1)
    nan = (flat_a != flat_a) & (flat_b != flat_b)
    return np.asarray((flat_a != flat_b) & ~nan, np.bool_)


def _with_layer(
    first: Difference, layer: LayerDifference | None, comparison: Comparison
) -> Difference:
    if layer is None:
        return first
    ours_second = comparison.candidate == "kpu"
    values = (layer.reference, layer.candidate)
    reference, candidate = values if ours_second else values[::-1]
    return Difference(first.item, layer.index, reference, candidate, layer.layer)
