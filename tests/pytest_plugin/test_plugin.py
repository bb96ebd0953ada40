"""The plugin as a user's repository has it: a fresh pytest run on a test file of theirs."""

from __future__ import annotations

# Here, as NumPy cannot be loaded again by a run in this process, which forgets what it loads.
import numpy  # noqa: F401
import pytest

from harness.files import cache_folder

pytest_plugins = ["pytester"]
# Found before pytester gives its runs a home folder of their own.
CACHE = cache_folder()

USERS_TEST = """
import numpy as np
import pytest
from torch import nn
import torch

def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1)).eval()

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 3, 16, 20), dtype=np.uint8)

@pytest.mark.sim
def test_close(k210):
    k210.compare(net(), inputs=IMAGES).assert_within(cosine=0.99)

@pytest.mark.sim
def test_equal(k210):
    k210.compare(net(), inputs=IMAGES).assert_within(max_abs=0)
"""


@pytest.fixture
def with_worker(monkeypatch):
    monkeypatch.setenv("K210_CACHE_DIR", str(CACHE))


@pytest.fixture
def without_worker(monkeypatch, tmp_path):
    monkeypatch.setenv("K210_CACHE_DIR", str(tmp_path / "empty"))


@pytest.mark.sim
@pytest.mark.usefixtures("with_worker")
def test_a_users_test_passes_or_fails_with_the_tolerance_that_would_pass(pytester):
    pytester.makepyfile(USERS_TEST)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.re_match_lines([r".*output: max_abs is .*, limit 0; max_abs=.* would pass"])


@pytest.mark.usefixtures("without_worker")
def test_without_the_worker_sim_tests_are_skipped_with_the_reason(pytester):
    pytester.makepyfile(USERS_TEST)
    result = pytester.runpytest_subprocess("-rs")
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["*nncase worker environment is missing*k210 setup*"])


@pytest.mark.usefixtures("without_worker")
def test_without_the_worker_sim_tests_fail_when_simulation_is_required(pytester):
    pytester.makepyfile(USERS_TEST)
    pytester.runpytest_subprocess("--k210-require-sim").assert_outcomes(errors=2)


def test_markers_are_registered(pytester):
    result = pytester.runpytest_subprocess("--markers")
    result.stdout.fnmatch_lines(
        [f"@pytest.mark.{name}:*" for name in ("sim", "hil", "slow", "gpu")]
    )


def test_a_session_that_compares_nothing_does_not_load_pytorch(pytester):
    pytester.makepyfile("import sys\ndef test_light(): assert 'torch' not in sys.modules")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


BOARD_TEST = """
import pytest

@pytest.mark.hil
def test_on_a_board(board):
    assert board.eval("6 * 7") == 42
"""


@pytest.mark.parametrize("options", [(), ("--board", "auto")])
def test_without_a_board_its_tests_are_skipped_with_the_reason(pytester, monkeypatch, options):
    monkeypatch.delenv("K210_BOARD", raising=False)
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [])
    pytester.makepyfile(BOARD_TEST)
    result = pytester.runpytest_inprocess("-rs", *options)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*no K210 board is on a USB port*--board virtual*"])


def test_a_board_that_was_named_and_is_not_there_is_an_error(pytester):
    pytester.makepyfile(BOARD_TEST)
    result = pytester.runpytest_subprocess("--board", "/dev/nowhere")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*there is no port /dev/nowhere*"])


@pytest.mark.usefixtures("with_worker")
def test_a_virtual_board_is_called_one(pytester):
    from harness.board.virtual import installation

    if not installation.status(CACHE).ready:
        pytest.skip("no virtual board here")
    pytester.makepyfile(BOARD_TEST)
    result = pytester.runpytest_subprocess("--board", "virtual")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["k210: virtual board, *"])


GATED = """
import os
import numpy as np
import pytest
import torch
from torch import nn

IMAGES = np.random.default_rng(0).integers(0, 256, (160, 3, 8, 8), dtype=np.uint8)
DARK = np.zeros((2, 3, 8, 8), np.uint8)

@pytest.mark.sim
def test_mine(k210):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1)).eval()
    calibration = DARK if os.environ.get("BADLY_CALIBRATED") else IMAGES
    k210.compare(net, inputs=IMAGES, calibration=calibration)
"""


@pytest.mark.sim
@pytest.mark.usefixtures("with_worker")
def test_a_gate_keeps_runs_and_fails_what_became_worse(pytester, monkeypatch):
    pytester.makepyfile(GATED)
    options = ("--k210-gate", "auto", "--k210-store", "lab.sqlite")
    first = pytester.runpytest_subprocess(*options)
    first.stdout.fnmatch_lines(["k210 gate: 1 without a baseline yet"])
    monkeypatch.setenv("BADLY_CALIBRATED", "1")
    worse = pytester.runpytest_subprocess(*options, "--k210-markdown", "summary.md")
    worse.assert_outcomes(failed=1)
    said = (pytester.path / "summary.md").read_text()
    assert said.startswith("## ❌ fail: run-")
    assert "| ❌ | nncase | cosine to float" in said
    worse.stdout.fnmatch_lines(["*worse than run-*", "*cosine to float*", "k210 gate: 1 fail"])
    # What was found worse does not become the measure of the next.
    pytester.runpytest_subprocess(*options).assert_outcomes(failed=1)


LINK = """
import pytest
from harness.errors import BoardError

def test_model():
    assert 0.5 > 0.9

def test_line():
    raise BoardError("the board is silent", "plug it in")
"""


def test_a_failure_of_the_link_is_told_from_one_of_the_model(pytester):
    pytester.makepyfile(LINK)
    (pytester.path / "summary.md").write_text("of another step\n")
    told = ("--junitxml", "junit.xml", "--k210-markdown", "summary.md")
    result = pytester.runpytest_subprocess(*told)
    result.assert_outcomes(failed=2)
    said = (pytester.path / "summary.md").read_text()
    assert said.startswith("of another step\nk210: 1 of 2 failures are of the link")
    result.stdout.fnmatch_lines(["k210: 1 of 2 failures are of the link to the board: *test_line"])
    assert 'name="k210_cause" value="link"' in (pytester.path / "junit.xml").read_text()


STUMBLING = """
from pathlib import Path
import pytest
import serial
from harness.board.answers import DamagedAnswerError
from harness.board.recovery.recover import LostBoardError
from harness.errors import BoardError, SimulationError

def failing(name, error):
    # Fail twice, then pass; leave a letter for each time.
    log = Path(name)
    log.write_text(log.read_text() + "x" if log.exists() else "x")
    if len(log.read_text()) <= 2:
        raise error

@pytest.mark.parametrize("kind", [BoardError, DamagedAnswerError, LostBoardError,
                                  serial.SerialException], ids=lambda kind: kind.__name__)
def test_line(kind):
    failing(kind.__name__, kind("lost a byte"))

def test_line_below():
    try:
        failing("below", DamagedAnswerError("lost a byte"))
    except BoardError as error:
        raise RuntimeError("no result") from error

@pytest.fixture
def dead_board():
    try:
        failing("fixture", DamagedAnswerError("lost a byte"))
    except BoardError as error:
        pytest.fail(str(error), pytrace=False)

def test_board(dead_board):
    pass

def test_accuracy():
    failing("accuracy", AssertionError("accuracy 0.5 on a BoardError's board"))

def test_compiler():
    failing("compiler", SimulationError("BoardError: no"))

def test_gate():
    try:
        failing("gate", AssertionError("worse"))
    except AssertionError as error:
        pytest.fail(str(error), pytrace=False)
"""
ASKED_AGAIN = (
    "BoardError", "DamagedAnswerError", "LostBoardError", "SerialException", "below", "fixture",
)  # fmt: skip


def test_every_failure_of_the_link_is_asked_again_and_no_other(pytester):
    pytester.makepyfile(STUMBLING)
    result = pytester.runpytest_subprocess("--k210-link-reruns", "2")
    result.assert_outcomes(passed=len(ASKED_AGAIN), failed=3)
    for name in ASKED_AGAIN:
        assert (pytester.path / name).read_text() == "xxx", name
    for name in ("accuracy", "compiler", "gate"):
        assert (pytester.path / name).read_text() == "x", name


def test_a_link_that_does_not_come_back_fails_as_such(pytester):
    pytester.makepyfile(STUMBLING)
    result = pytester.runpytest_subprocess("--k210-link-reruns", "1")
    result.assert_outcomes(failed=len(ASKED_AGAIN) - 1 + 3, errors=1)
    count = len(ASKED_AGAIN)
    result.stdout.fnmatch_lines([f"k210: {count} of {count + 3} failures are of the link *"])


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_asking_again_without_what_asks_is_refused(pytester, workers):
    pytester.makepyfile("def test_nothing(): pass")
    options = ("--k210-link-reruns", "2", "-p", "no:rerunfailures")
    result = pytester.runpytest_subprocess(*options, *workers)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*wants pytest-rerunfailures*pip install*"])


def test_workers_write_no_summary_of_failures_that_only_the_controller_knows(pytester):
    pytester.makepyfile(
        "import pytest\n"
        "from harness.errors import BoardError\n"
        "@pytest.mark.parametrize('n', range(4))\n"
        "def test_lost(n): raise BoardError('lost')\n"
    )
    pytester.runpytest_subprocess("-n", "2", "--k210-markdown", "said.md")
    said = (pytester.path / "said.md").read_text().splitlines()
    (line,) = filter(None, said)
    assert line.startswith("k210: 4 of 4 failures are of the link to the board: ")


BOTH = """
import numpy as np, pytest, torch

@pytest.mark.hil
def test_it_is_there(board):
    assert board.eval("6 * 7") == 42

@pytest.mark.hil
def test_it_does_what_the_simulator_does(k210):
    torch.manual_seed(0)
    module = torch.nn.Conv2d(3, 4, 3, padding=1).eval()
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 16, 16), dtype=np.uint8)
    found = k210.compare(module, inputs=images, candidate="board", reference="kpu")
    found.assert_within(max_abs=0)
"""


@pytest.mark.usefixtures("with_worker")
def test_the_board_of_the_session_is_the_one_that_is_compared(pytester):
    """The fixture holds the port: nobody else in this process could open it."""
    from harness.board import virtual
    from harness.board.virtual import installation

    if not installation.status(CACHE).ready:
        pytest.skip("no virtual board here")
    pytester.makepyfile(BOTH)
    with virtual.start(baud=0) as started:
        result = pytester.runpytest_subprocess("--board", started.port)
    result.assert_outcomes(passed=2)
