"""pytest plugin: markers `sim`, `hil`, `slow`, `gpu`, and the fixture `k210`.

Registered by entry point, so it is there in every repository that has k210-harness installed:

    def test_mine(k210):
        k210.compare(make_net(), inputs=images).assert_within(cosine=0.99)
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from harness.pytest_plugin import causes, equipment, gating, reruns
from harness.pytest_plugin.equipment import board

if TYPE_CHECKING:
    from harness.pytest_plugin.session import Session

__all__ = ["board", "k210"]

_MARKERS = {
    "sim": "needs the nncase worker (k210 setup); skipped without it",
    "hil": "needs a board on a serial port, real or virtual",
    "slow": "takes longer than a person waits; leave out with -m 'not slow'",
    "gpu": "needs a CUDA device",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `sim` and `hil` tests."""
    group = parser.getgroup("k210", "Kendryte K210 harness")
    group.addoption(
        "--k210-require-sim",
        action="store_true",
        help="fail tests marked sim, instead of skipping them, when there is no nncase worker",
    )
    group.addoption(
        "--board",
        metavar="auto|virtual|PORT",
        help="board of the tests marked hil: auto (K210_BOARD, or the one on USB; without one the "
        "tests are skipped), virtual, or a port such as /dev/ttyUSB0 or rfc2217://host:4000",
    )
    gating.add_options(group)
    reruns.add_options(group)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and see that what the options want is there."""
    for name, text in _MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {text}")
    reruns.check(config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say which failures are asked again."""
    reruns.mark(config, items)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose equipment is missing, or fail it where the equipment was asked for."""
    for name, need in equipment.NEEDS.items():
        if item.get_closest_marker(name) is not None:
            need(item.config)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which board was asked for."""
    choice = config.getoption("--board")
    return f"k210 board: {choice}" if choice else None


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say which board the results are from."""
    if described := equipment.described(config):
        terminalreporter.write_line(f"k210: {described}")
    failures = list(causes.summary(terminalreporter))
    for line in (*gating.summary(config), *failures):
        terminalreporter.write_line(line)
    gating.write_markdown(config, failures)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell failures of the link from failures of the model."""
    report = yield
    causes.mark(item, report, call)
    return report


@pytest.fixture(scope="session")
def k210(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Compile and compare PyTorch modules; see `harness.pytest_plugin.session.Session`."""
    # Imported here: a test session that compares nothing does not wait for PyTorch.
    from harness.pipeline.run import RunRequest
    from harness.pytest_plugin.session import Session

    board = request.config.getoption("--board") or RunRequest.board
    return Session(tmp_path_factory, gating.of(request.config), board)
