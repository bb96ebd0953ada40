"""Compiles a model and looks at what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from harness.compiler.build import CompiledModel, compile_source
from harness.compiler.legalise import REWRITES, Applied, legalise
from harness.compiler.onnx_graph import infer_shapes
from harness.errors import CompileError, SetupError
from harness.kmodel import Program, load
from harness.kmodel.firmware import Firmware
from harness.kmodel.memory import Memory
from harness.kmodel.operations import KpuConv2d
from harness.kmodel.work import work
from harness.pipeline.check.layers import Naming, layers_of
from harness.pipeline.check.memory import fits_of, too_large
from harness.pipeline.check.names import source_nodes
from harness.pipeline.check.result import Check, Measures, Offer
from harness.pipeline.check.subject import Subject
from harness.pipeline.check.weights import not_finite
from harness.progress import SILENT, Progress
from harness.timing import predict


def check(
    subject: Subject,
    rewrites: Mapping[str, str] = MappingProxyType({}),
    firmware: Firmware | None = None,
    progress: Progress = SILENT,
) -> Check:
    """Compile a model and look at what came of it.

    Args:
        subject: What to check.
        rewrites: Requests to the legaliser; they come before the method's own.
        firmware: Stock firmware that it has to run on; None to try them all.
        progress: Who is told.

    Raises:
        CompileError: nncase refuses it, for another reason than its size.
        UsageError: A rewrite or its mode does not exist.
        SetupError: There is no nncase worker environment.
    """
    subject = replace(subject, rewrites={**subject.rewrites, **rewrites})
    try:
        compiled = compile_source(
            subject.source, subject.images, rewrites=subject.rewrites, progress=progress
        )
    except CompileError:
        large = _too_large(subject)
        if not large:
            raise
        return Check(subject.source.name, (), (), None, None, large, (), subject.noise)
    program = load(compiled.kmodel)
    return Check(
        name=subject.source.name,
        layers=layers_of(subject, compiled),
        offers=_offers(subject, compiled),
        compiled=compiled,
        measures=_measures(program),
        too_large=(),
        fits=fits_of(program, firmware),
        noise=subject.noise,
        not_finite=not_finite(subject),
    )


def _too_large(subject: Subject) -> tuple[str, ...]:
    if subject.source.kind != "onnx":
        return ()
    return too_large(infer_shapes(_legalised(subject, {})[0]))


def _measures(program: Program) -> Measures:
    macs = {name: one.executed for name, one in work(program).items()}
    on_kpu = sum(macs[o.name] for o in program.operations if isinstance(o, KpuConv2d))
    buffers = [b for o in program.operations for b in (*o.inputs, *o.outputs)]
    return Measures(
        kpu_share=on_kpu / max(sum(macs.values()), 1),
        macs=sum(macs.values()),
        kpu_bytes=max((b.end for b in buffers if b.memory is Memory.KPU), default=0),
        main_bytes=program.pool_bytes(Memory.MAIN),
        prediction=predict(program),
    )


def _legalised(subject: Subject, more: Mapping[str, str]) -> tuple[bytes, tuple[Applied, ...]]:
    source = subject.source
    wanted = {**subject.rewrites, **more}
    done = legalise(source.data, subject.images, source.contract.range, wanted)
    return done.data, done.applied


def _offers(subject: Subject, compiled: CompiledModel) -> tuple[Offer, ...]:
    """Return the rewrites that are made on request only, and would change something."""
    if subject.source.kind != "onnx":
        return ()
    now = {(one.rewrite, one.layer, one.becomes) for one in compiled.rewrites}
    naming, found = Naming(subject), []
    for rewrite in REWRITES:
        if not rewrite.offer:
            continue
        try:
            _, applied = _legalised(subject, {rewrite.name: rewrite.offer})
        except SetupError:  # it would need ONNX Runtime
            continue
        new = [
            one
            for one in applied
            if one.rewrite == rewrite.name and (one.rewrite, one.layer, one.becomes) not in now
        ]
        if new:
            nodes = [source_nodes([one.layer], naming.nodes)[0] for one in new]
            layers = tuple(dict.fromkeys(naming.of(node)[0] for node in nodes))
            request = f"{rewrite.name}={rewrite.offer}"
            found.append(Offer(request, layers, new[0].becomes, new[0].cost))
    return tuple(found)
