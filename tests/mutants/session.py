"""The trials of one commit, in pieces: what is judged already is not judged again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from tests.mutants.choice import Map
from tests.mutants.sample import Mutant, draw
from tests.mutants.trace import ROOMS, digest
from tests.mutants.trial import Verdict, changed, judge, warm

Row = dict[str, Any]


@dataclass(frozen=True)
class Session:
    """A copy of the repository at a commit, and the folder that keeps what is known of it."""

    copy: Path
    folder: Path
    commit: str

    def sample(self, seed: int, count: int) -> tuple[list[Mutant], int]:
        """Return the mutants, and of how many places they are drawn."""
        files = sorted(p for room in ROOMS for p in (self.copy / "harness" / room).rglob("*.py"))
        code = digest("".join(path.read_text() for path in files))
        kept = self.folder / f"sample_{code}_{seed}_{count}.json"
        if not kept.exists():
            paths = [path.relative_to(self.copy).as_posix() for path in files]
            mutants, places = draw(self.copy, paths, seed, count)
            kept.write_text(json.dumps({"of": places, "rows": [asdict(m) for m in mutants]}))
        found = json.loads(kept.read_text())
        return [Mutant(**row) for row in found["rows"]], found["of"]

    def map(self) -> Map:
        """Return which tests run which lines.

        Raises:
            CalledProcessError: The tests cannot be run.
        """
        files = sorted(p for room in ROOMS for p in self._tests(room).glob("test_*.py"))
        kept = {file: self.folder / "maps" / f"{self._key(file)}.json" for file in files}
        missing = [f"{f.relative_to(self.copy)}={k}" for f, k in kept.items() if not k.exists()]
        if missing:
            (self.folder / "maps").mkdir(exist_ok=True)
            command = [sys.executable, "-m", "tests.mutants.trace", *missing]
            subprocess.run(command, check=True, cwd=self.copy)
        return Map.merged(self._read(one) for one in kept.values())

    def _read(self, kept: Path) -> Map:
        """Return a map; of a file that changed since, the tests of its lines are those of all."""
        known = json.loads(kept.read_text())
        lines: dict[str, dict[str, list[str]]] = {}
        for path, of_file in known["lines"].items():
            file = self.copy / path
            same = file.exists() and digest(file.read_text()) == known["files"][path]
            lines[path] = of_file if same else {"0": sorted(set(chain(*of_file.values())))}
        return Map(known["seconds"], lines)

    def _tests(self, room: str) -> Path:
        return self.copy / "tests" / room

    def _key(self, tests: Path) -> str:
        """Return a name by the contents of a file of tests and of what it imports beside it."""
        beside = [p for p in tests.parent.rglob("*.py") if not p.name.startswith("test_")]
        text = "".join(path.read_text() for path in sorted([*beside, tests]))
        return f"{tests.parent.name}_{tests.stem}_{digest(text)}"

    def rows(self) -> dict[Mutant, Row]:
        """Return what is judged already and still holds.

        A mutant that was found stays so while its file and that of the test are as they were; one
        that was not is judged again at every commit.
        """
        kept = self._rows()
        rows = [json.loads(row) for row in kept.read_text().splitlines()] if kept.exists() else []
        return {_mutant(row): row["verdict"] for row in rows if row["holds"] == self._holds(row)}

    def _holds(self, row: Row) -> str:
        tests = (row["verdict"]["by"] or "").partition("::")[0]
        files = [self.copy / row["verdict"]["path"], *([self.copy / tests] if tests else [])]
        texts = [file.read_text() for file in files if file.is_file()]
        return digest("".join(texts) + ("" if tests else self.commit))

    def judge(self, mutants: list[Mutant], last: Mapping[Mutant, str], until: float) -> None:
        """Judge what is not judged yet, until a time of the monotonic clock.

        Args:
            mutants: The sample.
            last: The tests that found these mutants last time; they are run first.
            until: The time.
        """
        known = self.map()
        judged = self.rows()
        warm()
        self._control(mutants[0], known)
        with self._rows().open("a") as out:
            for mutant in mutants:
                if mutant not in judged and time.monotonic() < until:
                    row = self._judge(mutant, known, last.get(mutant))
                    line = {"verdict": row, "holds": ""}
                    out.write(json.dumps(line | {"holds": self._holds(line)}) + "\n")
                    out.flush()
                    print(f"{row['outcome']:9}{row['seconds']:6.1f} s  {mutant.path}:{mutant.line}")

    def _control(self, mutant: Mutant, known: Map) -> None:
        """Let the tests of a mutant run without it: were they to fail, any would seem found."""
        tests = known.tests(mutant.path, mutant.line, (self.copy / mutant.path).read_text())
        verdict = judge(tests, known.seconds, self.folder)
        if verdict.outcome != "survived":
            raise RuntimeError(f"without any mutant: {verdict}")

    def _judge(self, mutant: Mutant, known: Map, first: str | None) -> Row:
        path = self.copy / mutant.path
        text = path.read_text()
        code = mutant.code(text)
        assert code is not None
        tests = known.tests(mutant.path, mutant.line, text, first)
        with changed(path, code):
            verdict = judge(tests, known.seconds, self.folder) if tests else _UNTESTED
        return asdict(mutant) | _lines(text, code) | asdict(verdict)

    def _rows(self) -> Path:
        return self.folder / "rows.jsonl"


_UNTESTED = Verdict("survived", None, 0.0)


def last_time(rows: list[Row]) -> dict[Mutant, str]:
    """Return the tests that found the mutants of a report."""
    return {_mutant({"verdict": row}): row["by"] for row in rows if row["by"]}


def _mutant(row: Row) -> Mutant:
    return Mutant(**{name: row["verdict"][name] for name in Mutant.__dataclass_fields__})


def _lines(text: str, code: str) -> Row:
    """Return what changed, as the first line that differs."""
    pairs: Iterator[tuple[str, str]] = zip(text.splitlines(), code.splitlines(), strict=False)
    was, becomes = next(pair for pair in pairs if pair[0] != pair[1])
    return {"was": was.strip(), "becomes": becomes.strip()}


def main() -> None:
    """Judge a sample: SEED COUNT MINUTES FOLDER COMMIT REPORT, in the copy."""
    seed, count, minutes = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    until = time.monotonic() + 60 * minutes
    session = Session(Path.cwd(), Path(sys.argv[4]), sys.argv[5])
    report = Path(sys.argv[6])
    last = last_time(json.loads(report.read_text())["mutants"]) if report.exists() else {}
    session.judge(session.sample(seed, count)[0], last, until)


if __name__ == "__main__":
    os.environ.pop("PYTEST_ADDOPTS", None)
    main()
