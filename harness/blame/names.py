"""Names of layers: of PyTorch modules, of ONNX nodes, and those that nncase's graph kept."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Protocol

from harness.kmodel.operations import Operation

# nncase's names of operations, where they are not those of `Operation.kind`.
_ALIASES = {"resizeimage": "resize", "tablelookup1d": "lut1d"}


class PlacedOperation(Protocol):
    """What `harness.compiler.placement.Placed` and its record in `report.json` have in common."""

    @property
    def layer(self) -> str:
        """Name in the source model."""

    @property
    def operation(self) -> str:
        """The name that nncase gives the operation."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""


def compiler_names(
    operations: Sequence[Operation], placed: Iterable[PlacedOperation]
) -> dict[str, str]:
    """Return the ONNX node that nncase's graph names for an operation, by operation.

    The graph lists what was compiled in an order of its own: operations of the same kind and
    shape are taken in turn. A name is therefore a clue, and no more.
    """
    waiting: dict[tuple[str, tuple[int, ...]], deque[str]] = defaultdict(deque)
    for one in placed:
        kind = one.operation.lower()
        waiting[_ALIASES.get(kind, kind), tuple(one.shape)].append(one.layer)
    found = {}
    for operation in operations:
        names = waiting[operation.kind().replace("_", ""), tuple(operation.output.shape)]
        if names:
            found[operation.name] = names.popleft()
    return found


def module_path(node: str) -> str:
    """Return the PyTorch module in which an ONNX node was made; "" where its name does not say.

    PyTorch's exporter writes `/features/features.0/features.0.1/Conv` for a convolution in
    `features.0.1`, and `/layer/conv/Conv` for one in `layer.conv`.
    """
    *scopes, _kind = node.split("/")
    path = ""
    last = ""
    for scope in (one for one in scopes if one):
        inside = last and scope.startswith(f"{last}.")
        path = (
            path[: len(path) - len(last)] + scope
            if inside
            else f"{path}.{scope}"
            if path
            else scope
        )
        last = scope
    return path
