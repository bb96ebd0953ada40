"""What marked tests need: the nncase worker, a CUDA device, a board; and the fixture `board`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.board.board import Board

_DESCRIBED = pytest.StashKey[str]()
_PORT = pytest.StashKey[str]()


def _need_cuda(_config: pytest.Config) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")


def _need_worker(config: pytest.Config) -> None:
    from harness.compiler.worker import environment

    status = environment.status()
    if status.ready:
        return
    problem = f"the nncase worker environment is missing: {status.problem}; {status.remedy}"
    if config.getoption("--k210-require-sim"):
        pytest.fail(problem, pytrace=False)
    pytest.skip(problem)


def _need_board(config: pytest.Config) -> None:
    """Find out which board is meant; it is opened by the fixture."""
    from harness.board.choose import AUTO, NoBoardError, resolve

    if _PORT in config.stash:
        return
    choice = config.getoption("--board")
    try:
        config.stash[_PORT] = resolve(choice or AUTO)
    except NoBoardError as error:
        if choice not in (None, AUTO):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    except HarnessError as error:
        pytest.fail(str(error), pytrace=False)


NEEDS: dict[str, Callable[[pytest.Config], None]] = {
    "hil": _need_board,
    "gpu": _need_cuda,
    "sim": _need_worker,
}


def described(config: pytest.Config) -> str:
    """Return which board the session has used: kind, firmware, port, serial number."""
    return config.stash.get(_DESCRIBED, "")


@pytest.fixture(scope="session")
def board(
    request: pytest.FixtureRequest, record_testsuite_property: Callable[[str, object], None]
) -> Iterator[Board]:
    """Return the board of `--board`, open for the whole session: `harness.board.board.Board`."""
    from harness.board.choose import held

    config = request.config
    _need_board(config)
    try:
        with held(config.stash[_PORT]) as found:
            info = found.info
            facts = {
                "kind": info.kind,
                "firmware": info.firmware,
                "machine": info.machine,
                "port": info.port,
                "serial number": info.serial_number or "none",
            }
            for name, value in facts.items():
                record_testsuite_property(f"board {name}", value)
            config.stash[_DESCRIBED] = "{kind} board, {firmware}, {machine}, on {port}".format(
                **facts
            )
            yield found
    except HarnessError as error:
        pytest.fail(str(error), pytrace=False)
