"""Which release a program is written for."""

from __future__ import annotations

from harness.errors import ConversionError, KModelError
from harness.kmodel.program import Program
from harness.kmodel.v5 import container
from harness.kmodel.v5.memory import Pools
from harness.kmodel.v5.releases import RELEASES, Release
from harness.kmodel.v5.stackvm import execute

REMEDY = "compile the model again, with nncase 1.9"


def release_of(program: Program) -> Release:
    """Return the newest release of the program's group that reads the program's own file.

    Within a group, operands differ: a runtime of nncase 1.3 cannot run what is written for 1.5.

    Raises:
        ConversionError: The program is of another version, or from before nncase 1.0.
    """
    releases = [release for release in RELEASES if release.group == program.group]
    if program.version != 5 or not releases:
        raise ConversionError(
            f"a program of version {program.version} ({program.group}) is none of version 5",
            REMEDY,
        )
    if releases[0].before_functions:
        raise ConversionError("files from before nncase 1.0 have no functions to write", REMEDY)
    return next((one for one in releases if _reads(program, one)), releases[0])


def _reads(program: Program, release: Release) -> bool:
    try:
        model = container.read(program.data)
        execute(model, Pools.of(model), release)
    except KModelError:
        return False
    return True
