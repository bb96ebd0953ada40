"""Blame from end to end: a model in its two forms and some pictures in, rows and a verdict out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from harness.blame.board_check import BoardFinding, check_board
from harness.blame.columns import Columns, is_row
from harness.blame.contract_check import ContractFinding, check_contract
from harness.blame.facts import facts_of
from harness.blame.flow import Flow
from harness.blame.graph import Graph, Node, Values
from harness.blame.legal import Legal, check_rewrites, legal_form
from harness.blame.link import Link
from harness.blame.match import match
from harness.blame.names import PlacedOperation, compiler_names, module_path
from harness.blame.parameters import damages
from harness.blame.recorded import FloatFinding, check_floats
from harness.blame.result import STANDARD, Blame, Column, LayerError, LayerRow, Unit
from harness.blame.tally import Tally
from harness.blame.units import Codes
from harness.blame.verdict import Findings, judge
from harness.errors import UsageError
from harness.kmodel import Program, load
from harness.method import InputContract
from harness.progress import SILENT, Progress
from harness.simulator import Simulator

Images = npt.NDArray[np.uint8]
Outputs = Mapping[str, npt.NDArray[np.float32]]

# Pictures that the counterparts are found with; more say nothing new.
MATCHING = 2
# What all tensors of a batch may take, in bytes, and pictures in a batch at most.
_MEMORY = 400 << 20
_MOST_IN_BATCH = 8
COSTLIEST = 5
# The node that `onnx_graph.with_normalisation` puts in front.
NORMALISATION = "/normalise/Conv"


@dataclass(frozen=True)
class Suspect:
    """A model on its way to the board, and what is known of it.

    Attributes:
        run: Name of the run.
        contract: What the bytes of a picture stand for.
        onnx: The model that was compiled, its normalisation in it.
        rewrites: What the legaliser was asked to make of it.
        calibration: uint8 [N, C, H, W], where a rewrite took constants from them.
        kmodel: What it was compiled to, version 5.
        images: uint8 [N, C, H, W], as all backends get them.
        placed: What nncase's graph said of each compiled operation; empty if that is not kept.
        floats: PyTorch's recorded outputs for the same images; None for none.
        nncase: Those of nncase's simulator; None for none.
        board: Those of a board, of one run or more.
        board_layer: First layer in which board and simulator differ, if somebody looked.
    """

    run: str
    contract: InputContract
    onnx: bytes
    kmodel: bytes
    images: Images
    rewrites: Mapping[str, str] = field(default_factory=dict)
    calibration: Images | None = None
    placed: Iterable[PlacedOperation] = ()
    floats: Outputs | None = None
    nncase: Outputs | None = None
    board: Sequence[Outputs] = ()
    board_layer: str = ""


# Results of layers that somebody else ran: (layer, column) → [N, …], as the kmodel stores them.
Answers = Mapping[tuple[str, Column], npt.NDArray[np.generic]]


@dataclass
class _Work:
    """What is made on the way, and how long it took."""

    flow: Flow
    legal: Legal
    given: Codes
    links: dict[str, Link] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    agreement: Tally = field(default_factory=Tally)

    @property
    def graph(self) -> Graph:
        return self.legal.graph

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        spent = time.perf_counter() - started
        self.seconds[part] = self.seconds.get(part, 0.0) + spent


def analyse(suspect: Suspect, answers: Answers | None = None, progress: Progress = SILENT) -> Blame:
    """Lay every layer side by side and name the first stage that diverges.

    Args:
        suspect: The model and the pictures.
        answers: What nncase or a board gave for single layers on the same pictures.
        progress: Who is told.

    Raises:
        UsageError: There are no pictures, or they are not what the contract says.
        HarnessError: One of the two forms of the model cannot be read.
    """
    images = _checked(suspect)
    started = time.perf_counter()
    program, span = load(suspect.kmodel), suspect.contract.range
    legal = legal_form(suspect.onnx, span, suspect.rewrites, suspect.calibration)
    graph = legal.graph
    _check_pair(program, graph)
    work = _Work(Flow(Simulator(program)), legal, Codes.of_bytes(span))
    floats = graph.run(work.given.decode_images(images[:MATCHING]))
    graph.learn_shapes(floats)
    with work.timed("match"):
        names = compiler_names(program.operations, suspect.placed)
        work.links = match(work.flow, graph, floats, work.given, names)
    columns = Columns(work.flow, graph, work.links, work.given)
    simulated = _run(columns, suspect, work, answers or {}, progress)
    with work.timed("checks"):
        found = _findings(suspect, columns, simulated, work)
    work.seconds["total"] = time.perf_counter() - started
    return Blame(
        run=suspect.run,
        images=len(images),
        rows=tuple(found.rows),
        outputs=found.outputs,
        verdict=judge(found),
        costliest=_costliest(found.rows),
        seconds=work.seconds,
    )


def _checked(suspect: Suspect) -> Images:
    images, shape = suspect.images, suspect.contract.shape
    if not len(images):
        raise UsageError("there are no pictures to look at", "give more than none")
    if images.dtype != np.uint8 or images.shape[1:] != shape:
        raise UsageError(
            f"the pictures are {images.dtype} {list(images.shape[1:])}, the contract says uint8 "
            f"{list(shape)}",
            "give the pictures of this run",
        )
    return images


def _check_pair(program: Program, graph: Graph) -> None:
    if len(program.inputs) != 1 or len(program.outputs) != len(graph.outputs):
        raise UsageError(
            f"the kmodel has {len(program.inputs)} inputs and {len(program.outputs)} outputs, the "
            f"ONNX model 1 and {len(graph.outputs)}",
            "they are not the same model: compile again",
        )


def _run(
    columns: Columns, suspect: Suspect, work: _Work, answers: Answers, progress: Progress
) -> dict[str, npt.NDArray[np.float32]]:
    """Run all pictures through all columns, and return the simulator's outputs."""
    size, images, recorded = _batch_size(work.graph), suspect.images, _recorded(suspect)
    parts: dict[str, list[torch.Tensor]] = {}
    with progress.task("blame", len(images)) as task:
        for start in range(0, len(images), size):
            batch = images[start : start + size]
            with work.timed("float"):
                floats = work.graph.run(work.given.decode_images(batch))
                outputs = _exported(work, floats)
            with work.timed("columns"):
                codes = torch.from_numpy(np.ascontiguousarray(batch))
                asked = {
                    key: torch.from_numpy(all_[start : start + size])
                    for key, all_ in answers.items()
                }
                for name, value in columns.add(floats, codes, outputs, asked).items():
                    parts.setdefault(name, []).append(value)
                for column, found in recorded.items():
                    part = [one[start : start + size] for one in found.values()]
                    columns.add_outputs(outputs, column, part)
            task.advance(len(batch))
    return {name: torch.cat(values).numpy() for name, values in parts.items()}


def _exported(work: _Work, floats: Values) -> Values:
    """Return the outputs of the exported model, and keep how near the rewritten one is."""
    if not work.legal.applied:
        return floats
    found = work.legal.original.run(floats[work.graph.input])
    for name in work.graph.outputs:
        work.agreement.add(found[name].flatten(), floats[name].flatten())
    return {name: found[name] for name in work.graph.outputs}


def _recorded(suspect: Suspect) -> dict[Column, Outputs]:
    """Return the outputs that others gave for the pictures."""
    boards = list(suspect.board[:1])
    known: dict[Column, Outputs | None] = {
        "nncase": suspect.nncase,
        "board": boards[0] if boards else None,
    }
    return {column: outputs for column, outputs in known.items() if outputs is not None}


def _batch_size(graph: Graph) -> int:
    """Return how many pictures fit: the float model, and twice as much for the columns."""
    one = sum(4 * int(np.prod(shape)) for shape in graph.shapes.values())
    return max(1, min(_MOST_IN_BATCH, _MEMORY // (3 * one)))


def _findings(
    suspect: Suspect,
    columns: Columns,
    simulated: dict[str, npt.NDArray[np.float32]],
    work: _Work,
) -> Findings:
    codes = torch.from_numpy(np.ascontiguousarray(suspect.images))
    contract: ContractFinding | None = None
    if suspect.contract.shape[0] in (1, 3):
        contract = check_contract(work.flow, work.graph, work.links, suspect.contract, codes)
    floats: FloatFinding | None = None
    if suspect.floats is not None:
        floats = check_floats(work.legal.original, suspect.contract, suspect.images, suspect.floats)
    board: BoardFinding | None = None
    if suspect.board:
        board = check_board(
            work.flow.program, suspect.images, suspect.board, simulated, suspect.board_layer
        )
    return Findings(
        rows=_rows(columns, work),
        channel_snr={
            (name, column): tally.channels()
            for (name, column, alone), tally in columns.tallies.items()
            if alone
        },
        links=work.links,
        damages=damages(work.links),
        contract=contract,
        floats=floats,
        rewrites=check_rewrites(work.legal, work.agreement),
        board=board,
        outputs=_outputs(columns, work.graph),
        simulators=_simulators(suspect, simulated),
    )


def _simulators(suspect: Suspect, simulated: Outputs) -> str:
    """Return in words how nncase's simulator and ours differ; "" where they are equal."""
    if suspect.nncase is None:
        return ""
    pairs = list(zip(suspect.nncase.values(), simulated.values(), strict=True))
    differ = sum(int((a.reshape(-1) != b.reshape(-1)).sum()) for a, b in pairs)
    total = sum(a.size for a, _ in pairs)
    if not differ:
        return ""
    return f"nncase's simulator and ours differ in {differ} of {total} output values"


def _rows(columns: Columns, work: _Work) -> list[LayerRow]:
    return [
        _row(link, columns, work) for name, link in work.links.items() if is_row(link.operation)
    ]


def _row(link: Link, columns: Columns, work: _Work) -> LayerRow:
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


def _outputs(columns: Columns, graph: Graph) -> dict[str, dict[Column, LayerError]]:
    return {
        name: {
            column: tally.error()
            for (output, column), tally in columns.outputs.items()
            if output == name
        }
        for name in graph.outputs
    }


def _costliest(rows: Sequence[LayerRow]) -> tuple[str, ...]:
    """Return the layers that lose most on the chip when they are given exact inputs."""
    known = [
        (row.alone["kpu"].snr_db, row.name)
        for row in rows
        if "kpu" in row.alone and row.alone["kpu"].snr_db is not None
    ]
    return tuple(name for _, name in sorted(known)[:COSTLIEST])
