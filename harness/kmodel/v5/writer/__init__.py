"""Programs to kmodels of version 5."""

from __future__ import annotations

from harness.kmodel.program import Program
from harness.kmodel.v5.writer.check import check_written
from harness.kmodel.v5.writer.delivery import delivered
from harness.kmodel.v5.writer.file import file_of
from harness.kmodel.v5.writer.places import check_places
from harness.kmodel.v5.writer.release import release_of


def write(program: Program) -> bytes:
    """Return a v5 file that does what a v5 program does, for the releases that read it.

    Outputs may lie anywhere: where they are not in memory of their own, they are brought there
    at the end. The file is read again and compared before it is returned.

    Raises:
        ConversionError: Version 5, or the program's release of it, cannot express the program;
            every operation in the way is named.
    """
    release = release_of(program)
    check_places(program)
    program = delivered(program)
    data = file_of(program, release)
    check_written(program, data, release)
    return data
