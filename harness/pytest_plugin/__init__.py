"""pytest plugin: markers `sim`, `hil`, `slow`, `gpu`, and the fixture `k210`.

Registered by entry point, so it is there in every repository that has k210-harness installed:

    def test_mine(k210):
        k210.compare(make_net(), inputs=images).assert_within(cosine=0.99)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.pytest_plugin.session import Session

_MARKERS = {
    "sim": "needs the nncase worker (k210 setup); skipped without it",
    "hil": "needs a board on a serial port, real or virtual",
    "slow": "takes longer than a person waits; leave out with -m 'not slow'",
    "gpu": "needs a CUDA device",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `sim` tests."""
    group = parser.getgroup("k210", "Kendryte K210 harness")
    group.addoption(
        "--k210-require-sim",
        action="store_true",
        help="fail tests marked sim, instead of skipping them, when there is no nncase worker",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    for name, text in _MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {text}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose equipment is missing; a `sim` test fails where that is required."""
    if item.get_closest_marker("hil") is not None:
        pytest.skip("no board: this version of k210-harness cannot drive one")
    if item.get_closest_marker("gpu") is not None:
        _need_cuda()
    if item.get_closest_marker("sim") is not None:
        _need_worker(item.config)


def _need_cuda() -> None:
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


@pytest.fixture(scope="session")
def k210(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Compile and compare PyTorch modules; see `harness.pytest_plugin.session.Session`."""
    # Imported here: a test session that compares nothing does not wait for PyTorch.
    from harness.pytest_plugin.session import Session

    return Session(tmp_path_factory)
