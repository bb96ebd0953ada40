"""Maps that the KPU reads other than nncase meant: found in the compiled program.

nncase 1.9 cuts a map by pointing into it, and sometimes leaves out the copy that would join its
lines. `kpu_upload` knows no strides: it reads on across the ends of lines and maps.
"""

from __future__ import annotations

from harness.kmodel.dataflow import producers
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import KpuUpload
from harness.kmodel.program import Program


def misread_maps(program: Program) -> tuple[str, ...]:
    """Return the names of uploads that read a part of a map as if it were a whole one."""
    made = {o.name: o.outputs for o in program.operations}
    made |= {port.name: (port.buffer,) for port in program.inputs}
    sources = producers(program)
    found = []
    for operation in program.operations:
        if not isinstance(operation, KpuUpload):
            continue
        parts = sources[operation.name][0]
        if len(parts) == 1 and parts[0].producer in made:
            whole = made[parts[0].producer][parts[0].output]
            if _is_misread(operation.input, whole):
                found.append(operation.name)
    return tuple(found)


def _is_misread(read: Buffer, whole: Buffer) -> bool:
    """Return whether lines or columns were cut; for sure, where the map had another form."""
    if read.elements >= whole.elements:
        return False
    if len(read.shape) != 4 or len(whole.shape) != 4:
        return True
    one_map = read.shape[:2] == (1, 1)
    whole_lines = read.shape[3] == whole.shape[3]
    return read.shape[2:] != whole.shape[2:] and not (one_map and whole_lines)
