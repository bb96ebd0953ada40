"""Cut maps that are read other than nncase meant: found in the compiled program.

nncase 1.9 cuts a map by pointing into it, and errs in two ways. It sometimes leaves out the copy
that would join the lines: `kpu_upload` knows no strides, and reads on across the ends of lines
and maps. And it gives a cut of a cut a place counted with the lines of the first cut, where the
map still has its own. A cut of what a function is given begins where none of its inputs does, and
nncase's own runtime refuses the file.
"""

from __future__ import annotations

from harness.errors import KModelError
from harness.kmodel import load
from harness.kmodel.dataflow import producers
from harness.kmodel.memory import Buffer, Layout
from harness.kmodel.operations import KpuUpload
from harness.kmodel.program import Program
from harness.kmodel.v5.k210 import PARAMETER


def is_misread(kmodel: bytes) -> bool:
    """Return whether some cut map of a fresh kmodel v5 is read other than nncase meant.

    Raises:
        KModelError: The file is wrong in another way.
    """
    try:
        return bool(misread_maps(load(kmodel)))
    except KModelError as error:
        if not error.field.startswith(PARAMETER):
            raise
        return True


def misread_maps(program: Program) -> tuple[str, ...]:
    """Return the names of operations that read something else than a part of a map."""
    made = {o.name: o.outputs for o in program.operations}
    made |= {port.name: (port.buffer,) for port in program.inputs}
    sources = producers(program)
    found = []
    for operation in program.operations:
        for read, parts in zip(operation.inputs, sources[operation.name], strict=True):
            if len(parts) != 1 or parts[0].producer not in made:
                continue
            whole = made[parts[0].producer][parts[0].output]
            joined = isinstance(operation, KpuUpload)
            if _joins_lines(read, whole) if joined else _leaves_the_map(read, whole):
                found.append(operation.name)
    return tuple(dict.fromkeys(found))


def _joins_lines(read: Buffer, whole: Buffer) -> bool:
    """Return whether lines or columns were cut; also where the map had another form."""
    if read.elements >= whole.elements:
        return False
    if len(read.shape) != 4 or len(whole.shape) != 4:
        return True
    one_map = read.shape[:2] == (1, 1)
    whole_lines = read.shape[3] == whole.shape[3]
    return read.shape[2:] != whole.shape[2:] and not (one_map and whole_lines)


def _leaves_the_map(read: Buffer, whole: Buffer) -> bool:
    """Return whether a cut with the lines of the map begins where it does not fit into them."""
    if {read.layout, whole.layout} != {Layout.STRIDED} or read.dtype is not whole.dtype:
        return False
    if len(read.shape) != len(whole.shape) or read.elements >= whole.elements:
        return False
    pairs = zip(read.shape, read.strides, whole.strides, strict=True)
    if any(size > 1 and one != other for size, one, other in pairs):
        return False
    rest = (read.offset - whole.offset) // read.dtype.itemsize
    for size, all_of_it, step in zip(read.shape, whole.shape, whole.strides, strict=True):
        first, rest = divmod(rest, step) if step else (0, rest)
        if first + size > all_of_it:
            return True
    return False
