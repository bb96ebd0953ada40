"""A program of one version in the form of an older one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from harness.convert.arrange import Arrangement, Span, moved_to, settled
from harness.convert.budget import budget_of
from harness.convert.conversion import Conversion, Obstacle, Refused, Rewrite, no_way
from harness.convert.draft import Draft, is_constant, refuse
from harness.convert.moves import copied
from harness.convert.results import Results
from harness.convert.rules import Rules
from harness.convert.targets import TARGETS, Target
from harness.errors import ConversionError
from harness.kmodel.build import OperationList, file_pool, ports
from harness.kmodel.dataflow import Sources, producers
from harness.kmodel.firmware import Firmware
from harness.kmodel.memory import KPU_BYTES, Buffer, Layout, Memory, Pool
from harness.kmodel.operations import KpuConv2d, KpuDownload, KpuUpload, Operation
from harness.kmodel.program import Program


def convert(
    program: Program,
    version: Literal[3, 4],
    firmware: Firmware | None = None,
    *,
    allow_last_bit: bool = False,
) -> Conversion:
    """Return a program that computes the same bits with the operations of an older version.

    Args:
        program: What `harness.kmodel.load` returns.
        version: 4 (nncase 0.2) or 3 (nncase 0.1).
        firmware: Whose memory the result has to fit; None for the bare K210.
        allow_last_bit: Whether operations may differ in the last bit, or at ties, where no way
            to the same bits is known; they are listed.

    Raises:
        ConversionError: Operations have no equal (each is named), or the result is too large.
    """
    _check(program, version, firmware)
    target = TARGETS[version]
    draft = Draft(program, last_bit=allow_last_bit)
    return _Conversion(program, target, draft).run(firmware)


def _check(program: Program, version: int, firmware: Firmware | None) -> None:
    if program.version == version:
        raise ConversionError(f"the kmodel is version {version} already", "copy the file")
    if firmware is not None and version not in firmware.versions:
        loads = " and ".join(f"v{one}" for one in firmware.versions)
        raise ConversionError(
            f"{firmware.name} does not load kmodel v{version}", f"it loads {loads}"
        )


def _check_outputs(program: Program) -> None:
    """Check that all bytes of each output are written, by an operation or as an input.

    Raises:
        ConversionError: One would hand out what happens to lie there.
    """
    sources = producers(program)
    for port in program.outputs:
        if any(source.producer is None for source in sources[port.name][0]):
            raise ConversionError(
                f"nothing would write {port.name}", "let the model compute what it hands out"
            )


NONE = frozenset[str]()


class _Conversion:
    def __init__(self, program: Program, target: Target, draft: Draft) -> None:
        self.program, self.target, self.draft = program, target, draft
        self.rules: Rules = target.rules
        self.sources: Sources = producers(program)
        self.results = Results(draft)
        self.records: list[tuple[Operation, int, int, str]] = []
        draft.downloads = self._producers(KpuDownload)
        draft.direct = self._direct()
        draft.read_in_kpu = self._producers(KpuConv2d)
        draft.kinds, draft.interleaves = target.kinds, target.interleaves

    def run(self, firmware: Firmware | None) -> Conversion:
        inputs = self._inputs()
        for operation in self.program.operations:
            self._rewrite(operation)
        outputs = self._outputs()
        if self.draft.obstacles:
            raise no_way(self.program.version, self.target.version, self.draft.obstacles)
        places = self.target.place(self.draft, inputs)
        return self._finish(places, outputs, firmware)

    def _producers(self, readers: type[Operation]) -> frozenset[str]:
        """Return the KPU layers whose feature maps operations of a kind read."""
        layers = self._kpu_layers()
        return frozenset(
            source.producer
            for operation in self.program.operations
            if isinstance(operation, readers)
            for source in self.sources[operation.name][0]
            if source.producer in layers
        )

    def _direct(self) -> frozenset[str]:
        """Return the upload that the firmware does.

        It is that of an input that nobody else reads, for KPU layers only: whoever else reads
        what was uploaded is given the input, which then has to lie in main memory.
        """
        for operation in self.program.operations:
            if isinstance(operation, KpuUpload):
                (source, *more) = self.sources[operation.name][0]
                names = {port.name for port in self.program.inputs}
                alone = source.exact and not more and len(self._readers(source.producer)) == 1
                alone = alone and self._readers(operation.name) <= self._kpu_layers()
                return frozenset({operation.name} if alone and source.producer in names else ())
            if any(b.memory is Memory.KPU for b in (*operation.inputs, *operation.outputs)):
                break
        return frozenset()

    def _readers(self, producer: str | None) -> set[str]:
        """Return the operations and outputs that read something of a producer."""
        return {
            name
            for name, inputs in self.sources.items()
            if any(source.producer == producer for parts in inputs for source in parts)
        }

    def _kpu_layers(self) -> set[str]:
        return {o.name for o in self.program.operations if isinstance(o, KpuConv2d)}

    def _inputs(self) -> list[Buffer]:
        inputs = []
        for port in self.program.inputs:
            if port.buffer.memory is Memory.KPU:
                self.results.write((port.name, 0), port.buffer, None)
                inputs.append(port.buffer)
                continue
            tensor = self.draft.tensor(port.buffer.dtype, self.target.shape(port.buffer.shape))
            self.results.write((port.name, 0), port.buffer, tensor)
            self.draft.inputs[tensor.pool.name] = None
            inputs.append(tensor)
        return inputs

    def _rewrite(self, operation: Operation) -> None:
        self.draft.source = operation
        first = len(self.draft.operations)
        try:
            inputs = self._read(operation)
            written = self.rules.apply(self.draft, operation, *inputs)
            if any(b.pool.name in self.draft.corners for b in inputs):
                self.draft.corners.update(b.pool.name for b in written.outputs)
        except Refused as refused:
            del self.draft.operations[first:]
            self._obstacle(operation.name, operation.kind(), refused)
            for index, buffer in enumerate(operation.outputs):
                stand_in = self.draft.tensor(buffer.dtype, buffer.shape)
                self.results.write((operation.name, index), buffer, stand_in)
            return
        self._remember(operation, written.outputs)
        self.records.append((operation, first, len(self.draft.operations), written.why))

    def _read(self, operation: Operation) -> list[Buffer]:
        """Return the inputs: feature maps where they lie, all else as tensors of the draft."""
        reads = []
        for buffer, sources in zip(operation.inputs, self.sources[operation.name], strict=True):
            maps = buffer.layout is Layout.KPU_ROWS and not isinstance(operation, KpuDownload)
            if maps:
                if any(source.producer is None for source in sources):
                    refuse("it reads KPU memory that nothing wrote")
                self.draft.feeding = frozenset(s.producer for s in sources if s.producer)
            reads.append(buffer if maps else self.results.read(buffer, sources))
        corners = any(b.pool.name in self.draft.corners for b in reads)
        if corners and not isinstance(operation, self.target.through_corners):
            refuse("it looks beside the corner of 4x4 maps of which v3 has only that")
        return reads

    def _remember(self, operation: Operation, outputs: tuple[Buffer, ...]) -> None:
        """Note where each output of the source is in the draft.

        Of a feature map in KPU memory that is the copy in main memory, if there is one.
        """
        for index, place in enumerate(operation.outputs):
            tensors = [b for b in outputs[index:] if b.memory is not Memory.KPU]
            self.results.write((operation.name, index), place, next(iter(tensors), None))

    def _outputs(self) -> list[Buffer]:
        outputs = []
        for port in self.program.outputs:
            try:
                found = self.results.read(port.buffer, self.sources[port.name][0])
                if found.pool.name in self.draft.corners:
                    refuse("it shows more than the corner of 4x4 maps of which v3 has only that")
                outputs.append(copied(self.draft, found) if is_constant(found) else found)
            except Refused as refused:
                self._obstacle(port.name, "output", refused)
        return outputs

    def _obstacle(self, name: str, kind: str, refused: Refused) -> None:
        self.draft.obstacles.append(Obstacle(name, kind, refused.reason, refused.remedy))

    def _finish(
        self, inputs: list[Buffer], outputs: list[Buffer], firmware: Firmware | None
    ) -> Conversion:
        loose = list(self.draft.operations)
        kept, places, main_bytes = Arrangement(
            loose,
            inputs,
            outputs,
            parts={n: Span(b.pool.name, b.offset) for n, b in self.draft.aliases.items()},
            whole=frozenset(b.pool.name for b in outputs) if self.target.version == 3 else NONE,
        ).places()
        data = self.draft.data()
        main, file = Pool("main", Memory.MAIN, main_bytes), file_pool(len(data))
        kpu = Pool("kpu", Memory.KPU, KPU_BYTES)
        named, names = OperationList(), dict[int, str]()
        for operation in kept:
            done = named.add(moved_to(operation, places, main, file))
            names[id(operation)] = done.name
        result = Program(
            version=self.target.version,
            group=self.target.group,
            candidates=(self.target.group,),
            inputs=ports("input", [settled(b, places, main, file) for b in inputs]),
            outputs=ports("output", [settled(b, places, main, file) for b in outputs]),
            operations=tuple(named.done),
            pools=(main, kpu, file),
            data=data,
            consumed=len(data),
        )
        _check_outputs(result)
        budget = budget_of(self.program, result, self.target.file_bytes(result))
        budget.check(firmware)
        rewrites = self._rewrites(loose, names)
        return Conversion(self.program, result, rewrites, tuple(self.draft.inexact), budget)

    def _rewrites(self, loose: list[Operation], names: Mapping[int, str]) -> tuple[Rewrite, ...]:
        found = []
        for operation, first, last, why in self.records:
            became = tuple(names[id(o)] for o in loose[first:last] if id(o) in names)
            if why:
                found.append(Rewrite(operation.name, operation.kind(), became, why))
        return tuple(found)
