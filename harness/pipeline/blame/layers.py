"""The layers that `--layer` asks for: by the kmodel's name, or by PyTorch's or ONNX's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from harness.blame.columns import is_row
from harness.blame.names import PlacedOperation, compiler_names, module_path
from harness.errors import UsageError
from harness.kmodel import Program

# Suggestions less alike than this help nobody.
_ALIKE = 0.5
_MOST = 3


def asked_layers(
    program: Program, asked: Sequence[str], placed: Iterable[PlacedOperation]
) -> tuple[str, ...]:
    """Return the operations that names stand for.

    Args:
        program: The kmodel.
        asked: Names of operations, of PyTorch modules or of ONNX nodes.
        placed: What nncase's graph said of each compiled operation; may be nothing.

    Raises:
        UsageError: A name stands for no layer, or for something that only moves values.
    """
    rows = [one.name for one in program.operations if is_row(one)]
    known = dict(_aliases(rows, compiler_names(program.operations, placed)))
    return tuple(dict.fromkeys(_layer(name, program, rows, known) for name in asked))


def _aliases(rows: Sequence[str], nodes: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield other names of layers: of their ONNX nodes, and of the modules that made these."""
    for row in reversed(rows):  # of several that share a name the first is meant
        if row in nodes:
            yield nodes[row], row
            if module_path(nodes[row]):
                yield module_path(nodes[row]), row


def _layer(name: str, program: Program, rows: Sequence[str], known: dict[str, str]) -> str:
    if name in rows:
        return name
    if name in known:
        return known[name]
    names = [one.name for one in program.operations]
    if name in names:
        behind = names[names.index(name) + 1 :]
        near = next((row for row in rows if row in behind), rows[-1])
        raise UsageError(
            f"{name} only moves values, and has no row of its own", f"take a layer, such as {near}"
        )
    near_names = get_close_matches(name, [*rows, *known], n=_MOST, cutoff=_ALIKE)
    few = ", ".join(rows[:_MOST]) + (", …" if len(rows) > _MOST else "")
    remedy = f"the nearest are: {', '.join(near_names)}" if near_names else f"there are: {few}"
    raise UsageError(f"the kmodel has no layer {name!r}", remedy)
