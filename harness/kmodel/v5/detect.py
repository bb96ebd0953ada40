"""Which nncase release wrote a v5 file: the file does not say, so it is tried."""

from __future__ import annotations

from typing import NoReturn

from harness.errors import KModelError
from harness.kmodel.build import OperationList, ports
from harness.kmodel.memory import Buffer
from harness.kmodel.program import Program
from harness.kmodel.reader import Bytes
from harness.kmodel.v5 import container
from harness.kmodel.v5.flow import runs_in_order
from harness.kmodel.v5.memory import Pools
from harness.kmodel.v5.model import Model
from harness.kmodel.v5.releases import RELEASES, Release
from harness.kmodel.v5.stackvm import execute


def read(data: Bytes) -> Program:
    """Return the program of a v5 file.

    Raises:
        KModelError: The file breaks a rule of the format, or fits no release.
    """
    model = container.read(data)
    pools = Pools.of(model)
    inputs = pools.parameters(pools.input, model.entry.inputs)
    outputs = pools.parameters(pools.output, model.entry.outputs)
    release, operations, candidates = _reading(model, pools, inputs, outputs)
    return Program(
        version=5,
        group=release.group,
        candidates=candidates,
        inputs=ports("input", inputs),
        outputs=ports("output", outputs),
        operations=tuple(operations.done),
        pools=pools.all,
        data=data,
        consumed=model.consumed,
    )


def _reading(
    model: Model, pools: Pools, inputs: list[Buffer], outputs: list[Buffer]
) -> tuple[Release, OperationList, tuple[str, ...]]:
    """Return the newest release under which the code decodes, and the groups of all such.

    A reading whose operations read only what was written before is preferred.

    Raises:
        KModelError: There is none; the error is that of the release that came furthest.
    """
    best: tuple[Release, OperationList] | None = None
    doubtful: tuple[Release, OperationList] | None = None
    groups: list[str] = []
    errors: list[tuple[KModelError, Release]] = []
    for release in RELEASES:
        if release.before_functions is not model.before_functions or release.group in groups:
            continue
        try:
            operations = execute(model, pools, release)
        except KModelError as error:
            # Without its traceback, which would keep the failed run's operations in memory.
            errors.append((error.with_traceback(None), release))
            continue
        if runs_in_order(operations.done, inputs, outputs):
            groups.append(release.group)
            best = best or (release, operations)
        else:
            doubtful = doubtful or (release, operations)
    chosen = best or doubtful or _furthest(errors)
    return *chosen, tuple(groups) or (chosen[0].group,)


def _furthest(errors: list[tuple[KModelError, Release]]) -> NoReturn:
    error, release = max(errors, key=lambda pair: pair[0].offset)
    raise KModelError(
        error.offset,
        f"{error.field} (read as nncase {release.releases} writes it, which came furthest)",
        error.value,
        error.expected,
        error.remedy,
    )
