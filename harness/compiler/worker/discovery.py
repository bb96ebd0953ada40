"""Finding a CPython that nncase has wheels for.

A file that has the right name need not be the right Python (a pyenv shim may only say "command
not found"), so every candidate is run and asked.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import SetupError

VARIABLE = "K210_NNCASE_PYTHON"
SUPPORTED = ("3.10", "3.9", "3.8", "3.7")
PROBE_LIMIT_S = 10.0

_NAMES = tuple(f"python{version}" for version in SUPPORTED)
CONDA_ROOTS = ("~/miniconda3", "~/anaconda3", "~/miniforge3", "~/mambaforge", "/opt/conda")
_QUESTION = (
    "import platform, sys; "
    "print('%s|%d.%d|%s' % ((platform.python_implementation(),) "
    "+ sys.version_info[:2] + (sys.executable,)))"
)


@dataclass(frozen=True)
class Candidate:
    """A file that may be a Python, and the kind of place it was found in."""

    path: Path
    place: str


@dataclass(frozen=True)
class Interpreter:
    """A CPython that runs and that nncase has wheels for.

    Attributes:
        path: What the interpreter itself calls its executable.
        version: One of `SUPPORTED`.
    """

    path: Path
    version: str


@dataclass(frozen=True)
class Attempt:
    """One candidate and what came of it."""

    candidate: Candidate
    verdict: str

    def __str__(self) -> str:
        return f"{self.candidate.path} ({self.candidate.place}): {self.verdict}"


@dataclass(frozen=True)
class Discovery:
    """The interpreter that was chosen, and everything that was tried on the way."""

    interpreter: Interpreter
    attempts: tuple[Attempt, ...]


def find(download: Callable[[], Path]) -> Discovery:
    """Find the newest supported CPython; among equals the first place wins.

    The order of places: the variable K210_NNCASE_PYTHON (nothing else is tried when it is set),
    PATH, pyenv, conda.

    Args:
        download: The last resort: fetches a Python 3.10 and returns its path, or raises
            SetupError.

    Raises:
        SetupError: The variable names no such Python, or none was found and the download failed.
    """
    if named := os.environ.get(VARIABLE):
        return _named(Path(named).expanduser())
    attempts: list[Attempt] = []
    found: list[Interpreter] = []
    for candidate in candidates():
        interpreter, verdict = probe(candidate.path)
        attempts.append(Attempt(candidate, verdict))
        if interpreter:
            found.append(interpreter)
            if interpreter.version == SUPPORTED[0]:
                break
    if found:
        best = min(found, key=lambda interpreter: SUPPORTED.index(interpreter.version))
        return Discovery(best, tuple(attempts))
    return _downloaded(download, attempts)


def candidates() -> Iterator[Candidate]:
    """Yield the executables that may be a supported Python, best places first."""
    for entry in filter(None, os.environ.get("PATH", "").split(os.pathsep)):
        yield from _executables(Path(entry), (*_NAMES, "python3", "python"), "on PATH")
    pyenv = Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser()
    for folder in sorted(pyenv.glob("versions/*/bin")):
        yield from _executables(folder, _NAMES, "pyenv")
    for root in filter(None, (os.environ.get("CONDA_PREFIX"), *CONDA_ROOTS)):
        base = Path(root).expanduser()
        for folder in (base / "bin", *sorted(base.glob("envs/*/bin"))):
            yield from _executables(folder, _NAMES, "conda")


def probe(path: Path) -> tuple[Interpreter | None, str]:
    """Run a candidate and ask what it is.

    Returns:
        The interpreter, or None where it is not one that nncase has wheels for; and a verdict
        in a few words.
    """
    try:
        done = subprocess.run(
            [path, "-E", "-c", _QUESTION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer within {PROBE_LIMIT_S:g} s"
    except OSError as error:
        return None, f"cannot be run: {error.strerror}"
    answer = done.stdout.strip().split("|")
    if done.returncode or len(answer) != 3:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        return None, said[0] if said else f"exit code {done.returncode}, no answer"
    implementation, version, executable = answer
    if implementation != "CPython" or version not in SUPPORTED:
        return None, f"is {implementation} {version}"
    return Interpreter(Path(executable), version), f"is {implementation} {version}"


def _executables(folder: Path, names: tuple[str, ...], place: str) -> Iterator[Candidate]:
    for name in names:
        path = folder / name
        if path.is_file() and os.access(path, os.X_OK):
            yield Candidate(path, place)


def _named(path: Path) -> Discovery:
    interpreter, verdict = probe(path)
    if interpreter is None:
        raise SetupError(
            f"{VARIABLE} is {path}: {verdict}",
            f"set it to a CPython {', '.join(SUPPORTED)}, or unset it to have one looked for",
        )
    return Discovery(interpreter, (Attempt(Candidate(path, VARIABLE), verdict),))


def _downloaded(download: Callable[[], Path], attempts: list[Attempt]) -> Discovery:
    tried = "; ".join(map(str, attempts)) or "nothing that looks like one"
    cause = f"no CPython {', '.join(SUPPORTED)} was found, and nncase runs on no other. Tried"
    remedy = (
        f"install Python {SUPPORTED[0]} (apt, pyenv, conda or `uv python install`), "
        f"or set {VARIABLE} to one, then run `k210 setup`"
    )
    try:
        path = download()
    except SetupError as error:
        message = f"{cause}: {tried}; last, a download: {error.cause}"
        raise SetupError(message, remedy, output=error.output) from error
    interpreter, verdict = probe(path)
    if interpreter is None:
        raise SetupError(f"{cause}: {tried}; last, a download: {path} {verdict}", remedy)
    attempt = Attempt(Candidate(path, "downloaded by uv"), verdict)
    return Discovery(interpreter, (*attempts, attempt))
