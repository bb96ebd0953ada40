"""The Python environment that nncase lives in: made once, in the user's cache folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from harness.compiler.worker import discovery, uv_tool
from harness.errors import SetupError
from harness.files import CACHE_VARIABLE, cache_folder, write_json
from harness.progress import SILENT, Progress

NNCASE_VERSION = "1.9.0.20230322"
REQUIREMENTS = (f"nncase=={NNCASE_VERSION}", "numpy<2")
LOCK_LIMIT_S = 900.0

_REQUIREMENTS_SHA256 = hashlib.sha256("\n".join(REQUIREMENTS).encode()).hexdigest()


@dataclass(frozen=True)
class WorkerEnvironment:
    """A whole environment.

    Attributes:
        folder: Where it lies.
        python: Its interpreter.
        python_version: Such as 3.10.
        nncase_version: Such as 1.9.0.20230322.
    """

    folder: Path
    python: Path
    python_version: str
    nncase_version: str


@dataclass(frozen=True)
class Status:
    """What `k210 doctor` prints.

    Attributes:
        folder: Where the environment lies or would lie.
        environment: The environment, when it is whole.
        problem: Why it cannot be used; empty when it can.
        remedy: What to do about that.
    """

    folder: Path
    environment: WorkerEnvironment | None
    problem: str = ""
    remedy: str = ""

    @property
    def ready(self) -> bool:
        """Whether nncase can be started."""
        return self.environment is not None


def environment_folder() -> Path:
    """Return the folder that the environment lies in, whether it is there or not."""
    return cache_folder() / f"nncase-{NNCASE_VERSION}"


def status() -> Status:
    """Say whether the environment is whole, without changing or starting anything."""
    folder = environment_folder()
    if not folder.exists():
        return Status(folder, None, "it has not been made yet", "run `k210 setup`")
    try:
        marker = json.loads(_marker(folder).read_text())
        environment = WorkerEnvironment(folder, _python(folder), marker["python"], marker["nncase"])
        requirements = marker["requirements_sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return Status(folder, None, "it is half made", "run `k210 setup`, which makes it again")
    if requirements != _REQUIREMENTS_SHA256:
        return Status(folder, None, "it is out of date", "run `k210 setup`, which makes it again")
    if not environment.python.exists():
        problem = f"the Python {environment.python_version} it stood on is gone"
        return Status(folder, None, problem, "run `k210 setup`, which looks for another")
    return Status(folder, environment)


def ensure(progress: Progress = SILENT) -> WorkerEnvironment:
    """Return the environment, and make it first where it is missing or half made.

    Raises:
        SetupError: It cannot be made; the message says what was tried and what to do.
    """
    found = status().environment
    if found:
        return found
    with _locked(environment_folder()):
        return status().environment or _make(environment_folder(), progress)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    path = folder.with_name(f"{folder.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=LOCK_LIMIT_S)
        lock.acquire()
    except Timeout as error:
        raise SetupError(
            f"another process has been making the nncase environment for {LOCK_LIMIT_S:g} s "
            f"(it holds {path})",
            "let it finish or end it, then try again",
        ) from error
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def _make(folder: Path, progress: Progress) -> WorkerEnvironment:
    try:
        with progress.task("nncase environment", 4) as task:
            shutil.rmtree(folder, ignore_errors=True)
            task.advance(note="looking for a Python")
            found = discovery.find(uv_tool.download_python).interpreter
            task.advance(note=f"{found.path}")
            uv_tool.make_venv(folder, found.path)
            task.advance(note=f"installing nncase {NNCASE_VERSION}")
            uv_tool.install(_python(folder), REQUIREMENTS)
            uv_tool.check(_python(folder))
            write_json(_marker(folder), _marker_content(found.version))
            task.advance(note="ready")
    except OSError as error:
        raise _unwritable(folder, error) from error
    progress.say(f"nncase {NNCASE_VERSION} on Python {found.version} is in {folder}")
    return WorkerEnvironment(folder, _python(folder), found.version, NNCASE_VERSION)


def _marker_content(python_version: str) -> dict[str, str]:
    return {
        "nncase": NNCASE_VERSION,
        "python": python_version,
        "requirements_sha256": _REQUIREMENTS_SHA256,
    }


def _marker(folder: Path) -> Path:
    return folder / "ready.json"


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _unwritable(folder: Path, error: OSError) -> SetupError:
    return SetupError(
        f"the nncase environment cannot be written to {folder}: {error.strerror or error}",
        f"make room or give write permission there, or set {CACHE_VARIABLE} to another folder",
    )
