"""Which tests run which line, and how long each takes: `python -m tests.mutants.trace FILE OUT`."""

from __future__ import annotations

import hashlib
import json
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import coverage
import pytest

ROOMS = ("kmodel", "compare", "data")
ARGUMENTS = ("-q", "-p", "no:cacheprovider", "-m", "not slow and not hil and not alone")


# For so many processor seconds is a test watched; then it runs on unwatched, five times as fast,
# and is given up where it takes so long that no trial would choose it.
WATCHED, GIVEN_UP = 1.0, 4.0


@dataclass
class Tracer:
    """A pytest plugin that names each test to coverage, and takes its time."""

    coverage: coverage.Coverage
    seconds: dict[str, float] = field(default_factory=dict)
    began: float = 0.0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Run one test in a context of its own."""
        self.coverage.start()
        self.coverage.switch_context(item.nodeid)
        began = self.began = time.process_time()
        signal.signal(signal.SIGPROF, self._stop)
        signal.setitimer(signal.ITIMER_PROF, WATCHED, GIVEN_UP - WATCHED)
        result = yield
        signal.setitimer(signal.ITIMER_PROF, 0)
        self.seconds[item.nodeid] = round(time.process_time() - began, 4)
        self.coverage.stop()
        return result

    def _stop(self, *_: object) -> None:
        self.coverage.stop()
        if time.process_time() - self.began > (WATCHED + GIVEN_UP) / 2:
            pytest.skip("takes longer than a trial has")


def main(tests: str, out: Path) -> int:
    """Run a file of tests and write its map; return pytest's exit code."""
    measured = coverage.Coverage(data_file=None, source=[f"harness/{room}" for room in ROOMS])
    tracer = Tracer(measured)
    code = pytest.main([*ARGUMENTS, tests], plugins=[tracer])
    data = measured.get_data()
    lines = {
        Path(path).relative_to(Path.cwd()).as_posix(): _tests(data.contexts_by_lineno(path))
        for path in data.measured_files()
    }
    if code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        files = {path: digest(Path(path).read_text()) for path in lines}
        found = {"seconds": tracer.seconds, "lines": lines, "files": files}
        out.write_text(json.dumps(found))
        return 0
    return int(code)


def digest(text: str) -> str:
    """Return what tells one version of a file from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _tests(contexts: dict[int, list[str]]) -> dict[int, list[str]]:
    """Drop what runs at import, which belongs to no test."""
    return {line: sorted(filter(None, tests)) for line, tests in contexts.items() if any(tests)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
