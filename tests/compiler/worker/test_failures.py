"""nncase killed, stopped or crashed in the middle: a clear error, and the next call works."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from harness.compiler.worker.client import Worker
from harness.compiler.worker.environment import WorkerEnvironment
from harness.compiler.worker.results import Limits
from harness.errors import CompileError, SetupError, SimulationError

pytestmark = pytest.mark.sim

COMPILE = """
import sys, threading
import numpy as np
from harness.compiler.worker.client import Worker
model, images = sys.argv[1:]
worker = Worker()
worker.versions()
print(worker.pid, flush=True)
calibration = np.load(images)
worker.compile(open(model, "rb").read(), "onnx", input_shape=(1, *calibration.shape[1:]),
               input_range=(0, 1), calibration=calibration)
"""

ON_A_FULL_DISK = """
set -e
mount -t tmpfs -o size=2M tmpfs "$1"
head -c 1000000 /dev/zero > "$1/others"
TMPDIR="$1" exec "$2" -c "$3" "$4" "$5"
"""


def wait_for(condition, limit_s: float = 60.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def calibrating(pid: int) -> bool:
    """Whether nncase has got as far as the calibration, by what it printed."""
    return "Run calibration" in Path(f"/proc/{pid}/cwd/nncase.log").read_text()


def running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def send_while_calibrating(worker: Worker, number: int) -> threading.Thread:
    pid = worker.pid

    def send() -> None:
        wait_for(lambda: calibrating(pid))
        os.kill(pid, number)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


@pytest.fixture
def fresh(environment):
    with Worker(environment) as worker:
        worker.versions()
        yield worker


def works(worker, kmodel, tiny) -> bool:
    return worker.simulate(kmodel, tiny.calibration).outputs[0].any()


def test_killed_in_the_middle_of_compiling(fresh, slow, tiny, kmodel):
    before = fresh.pid
    killer = send_while_calibrating(fresh, signal.SIGKILL)
    with pytest.raises(
        CompileError, match="nncase was killed by SIGKILL while compiling"
    ) as caught:
        slow.compile(fresh)
    killer.join()
    assert "Run calibration" in caught.value.output
    assert works(fresh, kmodel, tiny)
    assert fresh.pid != before


def test_killed_between_calls_goes_unnoticed(fresh, tiny, kmodel):
    os.kill(fresh.pid, signal.SIGKILL)
    wait_for(lambda: fresh.pid is None)
    assert works(fresh, kmodel, tiny)


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_truncated_kmodel(fresh, tiny, kmodel, keep):
    with pytest.raises(SimulationError) as caught:
        fresh.simulate(kmodel[: int(len(kmodel) * keep)], tiny.calibration)
    assert "SIGABRT while loading" in caught.value.cause
    assert "terminate called" in caught.value.output
    assert "truncated" in caught.value.remedy
    assert works(fresh, kmodel, tiny)


def test_model_that_is_not_tflite_crashes_nncase(fresh, tiny, kmodel):
    with pytest.raises(CompileError, match="was killed by SIGSEGV while compiling"):
        fresh.compile(
            b"junk" * 10,
            "tflite",
            input_shape=tiny.input_shape,
            input_range=(0, 1),
            calibration=tiny.calibration,
        )
    assert works(fresh, kmodel, tiny)


def test_hang_while_loading_meets_the_limit(environment, tiny, kmodel):
    with Worker(environment, Limits(load_s=2.0)) as worker:
        worker.versions()
        os.kill(worker.pid, signal.SIGSTOP)
        with pytest.raises(SimulationError, match=r"still loading a kmodel after 2 s"):
            worker.simulate(kmodel, tiny.calibration)
        assert works(worker, kmodel, tiny)


def test_hang_while_a_large_request_is_sent_meets_the_limit(environment, slow):
    with Worker(environment, Limits(compile_s=1.0)) as worker:
        worker.versions()
        os.kill(worker.pid, signal.SIGSTOP)
        with pytest.raises(CompileError, match=r"still compiling after 1 s"):
            slow.compile(worker)


def test_compilation_that_takes_too_long(environment, slow):
    with Worker(environment, Limits(compile_s=2.0)) as worker:
        with pytest.raises(CompileError, match="still compiling") as caught:
            slow.compile(worker)
        assert "Import graph" in caught.value.output
        assert worker.pid is None


def test_interrupt_leaves_no_answer_behind(fresh, slow, tiny, kmodel):
    main = threading.main_thread().ident

    def interrupt(pid: int) -> None:
        wait_for(lambda: calibrating(pid))
        signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=interrupt, args=(fresh.pid,))
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        slow.compile(fresh)
    thread.join()
    assert fresh.pid is None
    assert works(fresh, kmodel, tiny)


def test_request_too_large_to_send(fresh, tiny, kmodel):
    huge = np.broadcast_to(np.uint8(0), (3_000_000, 3, 16, 16))
    with pytest.raises(CompileError, match="bytes are over"):
        fresh.compile(
            tiny.onnx, "onnx", input_shape=tiny.input_shape, input_range=(0, 1), calibration=huge
        )
    assert works(fresh, kmodel, tiny)


def test_nncase_ends_with_its_parent_in_the_middle_of_compiling(slow, tmp_path):
    (tmp_path / "model.onnx").write_bytes(slow.onnx)
    np.save(tmp_path / "images.npy", slow.calibration)
    command = [sys.executable, "-c", COMPILE, tmp_path / "model.onnx", tmp_path / "images.npy"]
    environ = {**os.environ, "TMPDIR": str(tmp_path)}  # what a killed parent leaves goes there
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ) as parent:
        pid = int(parent.stdout.readline())
        wait_for(lambda: calibrating(pid))
        parent.kill()
    wait_for(lambda: not running(pid), limit_s=5.0)


def test_nothing_is_left_after_close(environment, tiny):
    worker = Worker(environment)
    tiny.compile(worker)
    pid = worker.pid
    folder = Path(f"/proc/{pid}/cwd").resolve()
    assert [path.name for path in folder.iterdir()] == ["nncase.log"]
    worker.close()
    assert not running(pid)
    assert not folder.exists()


def test_environment_without_nncase(tmp_path):
    bare = WorkerEnvironment(tmp_path, Path(sys.executable), "3.11", "none")
    with Worker(bare) as worker, pytest.raises(SetupError) as caught:
        worker.versions()
    assert "ended with exit code 1 while starting" in caught.value.cause
    assert "No module named 'nncase'" in caught.value.output
    assert str(tmp_path) in caught.value.remedy


def test_disk_that_is_full(tiny, tmp_path):
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rm", "true"]).returncode:
        pytest.skip("no small disk can be mounted here")
    (tmp_path / "model.onnx").write_bytes(tiny.onnx)
    np.save(tmp_path / "images.npy", tiny.calibration)
    (tmp_path / "disk").mkdir()
    files = [tmp_path / "model.onnx", tmp_path / "images.npy"]
    script = ["unshare", "-rm", "sh", "-c", ON_A_FULL_DISK, "sh"]
    done = subprocess.run(
        [*script, tmp_path / "disk", sys.executable, COMPILE, *files],
        capture_output=True,
        text=True,
    )
    assert "no space is left for nncase's temporary files in" in done.stderr
