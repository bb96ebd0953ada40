"""Judge a seeded sample of mutants in a private copy: `python -m tests.mutants --help`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.mutants.report import write
from tests.mutants.session import Session


def main() -> int:
    """Return 0 when all are judged, 1 when some are left for the next call."""
    asked = _arguments()
    work = asked.work.resolve()
    copy = _copy(work, asked.commit)
    session = Session(copy, work, _git(copy, "rev-parse", "HEAD"))
    given = (asked.seed, asked.count, asked.minutes, work, session.commit, asked.out.resolve())
    command = [sys.executable, "-m", "tests.mutants.session", *map(str, given)]
    subprocess.run(command, check=True, cwd=copy, env=_environment(copy))
    left = write(asked.out, session, asked.seed, asked.count)
    print(f"{left} left: call again" if left else f"all judged: {asked.out}")
    return int(left > 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=10, help="what draws the sample")
    parser.add_argument("--count", type=int, default=300, help="how many mutants")
    parser.add_argument("--commit", default="HEAD", help="what is tested")
    parser.add_argument("--minutes", type=float, default=1e6, help="stop here, go on next time")
    parser.add_argument("--work", type=Path, default=REPOSITORY / "build" / "mutants")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs" / "testing.json")
    return parser.parse_args()


def _copy(work: Path, commit: str) -> Path:
    """Bring a copy of the repository to a commit."""
    copy = work / "copy"
    if not copy.exists():
        work.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(copy)], check=True)
    _git(copy, "fetch", "-q", "origin", _git(REPOSITORY, "rev-parse", commit))
    _git(copy, "checkout", "-q", "--force", "--detach", "FETCH_HEAD")
    return copy


def _git(folder: Path, *arguments: str) -> str:
    asked = ["git", "-C", str(folder), *arguments]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


def _environment(copy: Path) -> dict[str, str]:
    """Let the copy's packages win, examples be the same each time, and no third party's files."""
    return os.environ | {
        "PYTHONPATH": str(copy),
        "CI": "true",
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "K210_SHARED": str(copy / "none"),
    }


if __name__ == "__main__":
    sys.exit(main())
