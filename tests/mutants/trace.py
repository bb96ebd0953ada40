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
from hypothesis import settings

ROOMS = ("kmodel", "compare", "data")
# Not the tests that ask nncase: each would wait for its process.
MARKS = "not slow and not hil and not alone and not sim"
ARGUMENTS = ("-q", "-p", "no:cacheprovider", "-m", MARKS)


# For so many processor seconds is a test watched; then it runs on unwatched, five times as fast,
# and is given up where it takes so long that no trial should wait for it.
WATCHED, GIVEN_UP = 0.3, 1.2
# Of a test function with more parameters than this a part is drawn.
PARAMETERS = 40
# Of hypothesis the first few examples show which lines run.
EXAMPLES = 5


@dataclass
class Tracer:
    """A pytest plugin that names each test to coverage, and takes its time."""

    coverage: coverage.Coverage
    seconds: dict[str, float] = field(default_factory=dict)
    began: float = 0.0

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out a part of the largest tables."""
        functions: dict[str, list[pytest.Item]] = {}
        for item in sorted(items, key=lambda item: digest(item.nodeid)):
            functions.setdefault(item.nodeid.partition("[")[0], []).append(item)
        kept = {item for several in functions.values() for item in several[:PARAMETERS]}
        items[:] = [item for item in items if item in kept]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Run one test in a context of its own."""
        self.coverage.start()
        self.coverage.switch_context(item.nodeid)
        scale = _fewer_examples(item)
        began = self.began = time.process_time()
        signal.signal(signal.SIGPROF, self._stop)
        signal.setitimer(signal.ITIMER_PROF, WATCHED, GIVEN_UP - WATCHED)
        result = yield
        signal.setitimer(signal.ITIMER_PROF, 0)
        self.seconds[item.nodeid] = round(scale * (time.process_time() - began), 4)
        self.coverage.stop()
        return result

    def _stop(self, *_: object) -> None:
        self.coverage.stop()
        if time.process_time() - self.began > (WATCHED + GIVEN_UP) / 2:
            pytest.skip("takes longer than a trial has")


def _fewer_examples(item: pytest.Item) -> float:
    """Let a test of hypothesis run with a few examples; return how many times more it has."""
    function = getattr(item, "obj", None)
    asked = getattr(function, "_hypothesis_internal_use_settings", None)
    if asked is None or asked.max_examples <= EXAMPLES:
        return 1.0
    fewer = settings(asked, max_examples=EXAMPLES)
    function._hypothesis_internal_use_settings = fewer  # type: ignore[union-attr]
    return float(asked.max_examples / EXAMPLES)


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
