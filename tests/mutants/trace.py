"""Which tests run which line, and how long each takes: `python -m tests.mutants.trace FILE=OUT …`.

Each map is written as soon as the tests of its file are done.
"""

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
WATCHED, GIVEN_UP = 0.2, 1.2
# Of a test function with more parameters than this a part is drawn.
PARAMETERS = 400
# Of hypothesis the first few examples show which lines run.
EXAMPLES = 5


@dataclass(eq=False)
class Tracer:
    """A pytest plugin that names each test to coverage, and takes its time."""

    coverage: coverage.Coverage
    outs: dict[str, Path]
    seconds: dict[str, float] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    began: float = 0.0

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out a part of the largest tables."""
        functions: dict[str, list[pytest.Item]] = {}
        for item in sorted(items, key=lambda item: digest(item.nodeid)):
            functions.setdefault(item.nodeid.partition("[")[0], []).append(item)
        kept = {item for several in functions.values() for item in several[:PARAMETERS]}
        items[:] = [item for item in items if item in kept]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Iterator[None]:
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
        file = _file(item)
        if nextitem is None or _file(nextitem) != file:
            self._write(file)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what fails without any mutant (against a clock, say): it finds none."""
        if report.failed:
            self.failed.add(report.nodeid)

    def _write(self, file: str) -> None:
        data = self.coverage.get_data()
        lines = {
            Path(path).relative_to(Path.cwd()).as_posix(): tests
            for path in data.measured_files()
            if (tests := self._tests(data.contexts_by_lineno(path), file))
        }
        files = {path: digest(Path(path).read_text()) for path in lines}
        seconds = {t: took for t, took in self.seconds.items() if self._is_good(t, file)}
        known = {"seconds": seconds, "lines": lines, "files": files}
        self.outs[file].write_text(json.dumps(known))

    def _tests(self, contexts: dict[int, list[str]], file: str) -> dict[int, list[str]]:
        """Return the tests of a file by line; what runs at import belongs to none."""
        found = {
            line: sorted(test for test in tests if self._is_good(test, file))
            for line, tests in contexts.items()
        }
        return {line: tests for line, tests in found.items() if tests}

    def _is_good(self, test: str, file: str) -> bool:
        return test.partition("::")[0] == file and test not in self.failed

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
    # The first examples take longer than the later ones.
    return float(min(4, asked.max_examples / EXAMPLES))


def main(outs: dict[str, Path]) -> int:
    """Run files of tests and write the map of each; return an exit code, 0 if all have one."""
    measured = coverage.Coverage(data_file=None, source=[f"harness/{room}" for room in ROOMS])
    code = pytest.main([*ARGUMENTS, *outs], plugins=[Tracer(measured, outs)])
    ended = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED}
    for out in outs.values() if code in ended else ():
        if not out.exists():  # none of its tests is of those that are chosen from
            out.write_text(json.dumps({"seconds": {}, "lines": {}, "files": {}}))
    return 0 if code in ended else int(code)


def digest(text: str) -> str:
    """Return what tells one version of a file from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


if __name__ == "__main__":
    pairs = (argument.partition("=") for argument in sys.argv[1:])
    sys.exit(main({tests: Path(out) for tests, _, out in pairs}))
