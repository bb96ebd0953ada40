"""One mutant on trial: its tests in a fork of this process, which has imported what is slow."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal

import pytest

from tests.mutants.trace import ARGUMENTS

Outcome = Literal["killed", "survived", "timeout"]
# Processor seconds that any test has, beside five times what it took; wall seconds of a trial.
TEST_SECONDS, TRIAL_SECONDS = 5.0, 240.0
COLLECTION_SECONDS = 60.0
ADDRESS_SPACE = 12 << 30
# Files of tests that are run before the others: most mutants are found by the first.
FIRST = 2
WARM = (
    "hypothesis.extra.numpy",
    "imagehash",
    "numba",
    "numpy.testing",
    "onnx",
    "PIL.Image",
    "pydantic",
    "rich.console",
    "tflite",
    "torch.nn",
    "typer",
)


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant, which test found it (or what did), and the wall seconds."""

    outcome: Outcome
    by: str | None
    seconds: float


@dataclass(eq=False)
class Chosen:
    """A pytest plugin: these tests in this order, each within its time; notes the first to fail."""

    tests: Sequence[str]
    seconds: Mapping[str, float]
    note: Path

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the chosen tests."""
        found = {item.nodeid: item for item in items}
        items[:] = [found[test] for test in self.tests if test in found]

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Let an endless loop end the process by SIGPROF."""
        limit = TEST_SECONDS + 5 * self.seconds[item.nodeid]
        signal.setitimer(signal.ITIMER_PROF, limit)
        self.note.write_text(item.nodeid)


def warm() -> None:
    """Import what tests import and mutants are not in."""
    for plugin in entry_points(group="pytest11"):
        if not plugin.value.startswith("harness"):
            plugin.load()
    for name in WARM:
        import_module(name)
    assert not any(name.startswith("harness") for name in sys.modules)


@contextmanager
def changed(path: Path, text: str) -> Iterator[None]:
    """Write a text into a file for a while, and what was there again, with its time."""
    before, stat = path.read_bytes(), path.stat()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def judge(tests: Sequence[str], seconds: Mapping[str, float], work: Path) -> Verdict:
    """Run tests in a fork, until one fails.

    Args:
        tests: Their names, in order.
        seconds: What each takes.
        work: A folder for what the trial writes.
    """
    note = work / "test.txt"
    note.write_text("collection")
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _run(tests, seconds, work, note)
    status = _wait(child, began + TRIAL_SECONDS)
    took = round(time.monotonic() - began, 2)
    if status is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF):
        return Verdict("timeout", note.read_text(), took)
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    if code in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
        return Verdict("survived", None, took)
    if code == pytest.ExitCode.INTERNAL_ERROR:
        raise RuntimeError(f"pytest itself failed: {(work / 'log.txt').read_text()[-2000:]}")
    return Verdict("killed", note.read_text(), took)


def _run(tests: Sequence[str], seconds: Mapping[str, float], work: Path, note: Path) -> None:
    code = 70
    try:
        os.setpgid(0, 0)
        log = os.open(work / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        sys.dont_write_bytecode = True
        signal.setitimer(signal.ITIMER_PROF, COLLECTION_SECONDS)
        files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
        for some in filter(None, (files[:FIRST], files[FIRST:])):
            own = ["-x", "--basetemp", str(work / "tmp"), *some]
            code = int(pytest.main([*ARGUMENTS, *own], plugins=[Chosen(tests, seconds, note)]))
            if code not in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
                break
    finally:
        os._exit(code)


def _wait(child: int, until: float) -> int | None:
    """Return the status of a child, None where it had to be ended; ends what it started, too."""
    status = None
    while time.monotonic() < until and status is None:
        done, found = os.waitpid(child, os.WNOHANG)
        status = found if done else None
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if status is None:
        os.waitpid(child, 0)
    return status
