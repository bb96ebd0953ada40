"""Names of compiled operations → names of nodes → names of PyTorch modules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence


def module_path(node: str, modules: Collection[str]) -> str:
    """Return the PyTorch module that an exported node comes from; "" for the outermost.

    The exporter writes `/features/features.0/Conv` for a convolution `features.0`: each part is
    named from the module around it, or from one further out where that is a container.

    Args:
        node: Name of the node.
        modules: What `named_modules` names.
    """
    found = ""
    for part in node.strip("/").split("/")[:-1]:
        found = _inside(found, part, modules) or found
    return found


def _inside(outer: str, part: str, modules: Collection[str]) -> str:
    while outer:
        if f"{outer}.{part}" in modules:
            return f"{outer}.{part}"
        outer = outer.rpartition(".")[0]
    return part if part in modules else ""


def source_nodes(layers: Sequence[str], nodes: Iterable[str]) -> tuple[str, ...]:
    """Return the source node that each compiled operation stands for.

    Names get longer on the way, by the legaliser and by nncase. Where nncase made one up, the
    operation belongs to what ran before it.

    Args:
        layers: Names of compiled operations, in running order.
        nodes: Names of the source's nodes.
    """
    known = sorted(nodes, key=len, reverse=True)
    found, last = [], ""
    for layer in layers:
        last = next((name for name in known if _begins(layer, name)), last)
        found.append(last)
    return tuple(found)


def _begins(layer: str, name: str) -> bool:
    return layer == name or (layer.startswith(name) and layer[len(name)] in "./")
