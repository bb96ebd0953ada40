"""Which nncase release wrote a v5 file: the file does not say, so it is tried."""

from __future__ import annotations

from harness.errors import KModelError
from harness.kmodel.build import OperationList, ports
from harness.kmodel.program import Program
from harness.kmodel.reader import Bytes
from harness.kmodel.v5 import container
from harness.kmodel.v5.container import Model
from harness.kmodel.v5.flow import runs_in_order
from harness.kmodel.v5.memory import Pools
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
    found = _readings(model, pools)
    likely = [r for r in found if runs_in_order(r[1].done, inputs, outputs)] or found
    release, operations = likely[0]
    return Program(
        version=5,
        group=release.group,
        candidates=tuple(dict.fromkeys(other.group for other, _ in likely)),
        inputs=ports("input", inputs),
        outputs=ports("output", outputs),
        operations=tuple(operations.done),
        pools=pools.all,
        data=data,
        consumed=model.consumed,
    )


def _readings(model: Model, pools: Pools) -> list[tuple[Release, OperationList]]:
    """Return every release under which the code decodes, the newest first.

    Raises:
        KModelError: None does; the error is that of the release that came furthest.
    """
    found, errors = [], []
    for release in RELEASES:
        if release.before_functions is not model.before_functions:
            continue
        try:
            found.append((release, execute(model, pools, release)))
        except KModelError as error:
            errors.append((error, release))
    if found:
        return found
    furthest, release = max(errors, key=lambda pair: pair[0].offset)
    raise KModelError(
        furthest.offset,
        f"{furthest.field} (read as nncase {release.releases} writes it, which came furthest)",
        furthest.value,
        furthest.expected,
        furthest.remedy,
    ) from furthest
