"""The layers with their errors: what blame shows line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.blame.columns import Columns, is_row
from harness.blame.facts import facts_of
from harness.blame.graph import Graph, Node
from harness.blame.link import Link
from harness.blame.names import module_path
from harness.blame.result import STANDARD, Column, LayerError, LayerRow, Unit
from harness.blame.tally import Tally
from harness.blame.work import Work
from harness.compiler.onnx_graph import NORMALISATION

COSTLIEST = 5


def layer_rows(columns: Columns, work: Work) -> list[LayerRow]:
    """Return the layers that can lose anything, in running order."""
    return [
        _row(link, columns, work) for name, link in work.links.items() if is_row(link.operation)
    ]


def _row(link: Link, columns: Columns, work: Work) -> LayerRow:
    name = link.operation.name
    nodes = work.legal.names(_nodes(link, work.graph))
    paths = [module_path(node) for node in nodes if node != NORMALISATION]
    unit: Unit = "KPU" if link.operation.unit == "KPU" else "CPU"
    remark = link.remark
    if not remark and not link.tensor:
        remark = "rounds floats to codes"
    if nodes and nodes[0] == NORMALISATION:
        remark = "the contract's normalisation: no PyTorch module computes it"
    return LayerRow(
        name=name,
        module=", ".join(dict.fromkeys(path for path in paths if path)),
        node=", ".join(nodes),
        unit=unit,
        accumulated=_errors(columns.tallies, name, alone=False),
        alone=_errors(columns.tallies, name, alone=True),
        remark=remark,
        not_finite=name in columns.not_finite,
        facts=facts_of(link, nodes, columns.ranges.get(name), work.legal.original),
    )


def _nodes(link: Link, graph: Graph) -> list[Node]:
    return graph.leading(link.sources, link.tensor) if link.tensor else []


def _errors(
    tallies: Mapping[tuple[str, Column, bool], Tally], name: str, alone: bool
) -> dict[Column, LayerError]:
    columns: tuple[Column, ...] = (*STANDARD, "nncase", "board")
    return {
        column: tallies[name, column, alone].error()
        for column in columns
        if (name, column, alone) in tallies
    }


def output_errors(columns: Columns, graph: Graph) -> dict[str, dict[Column, LayerError]]:
    """Return the errors of the model's outputs by name and column."""
    return {
        name: {
            column: tally.error()
            for (output, column), tally in columns.outputs.items()
            if output == name
        }
        for name in graph.outputs
    }


def costliest(rows: Sequence[LayerRow]) -> tuple[str, ...]:
    """Return the layers that lose most on the chip when they are given exact inputs."""
    known = [
        (row.alone["kpu"].snr_db, row.name)
        for row in rows
        if "kpu" in row.alone and row.alone["kpu"].snr_db is not None
    ]
    return tuple(name for _, name in sorted(known)[:COSTLIEST])
