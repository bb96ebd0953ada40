"""The environment is made whole or not at all, by one process at a time. uv and nncase are real."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from filelock import FileLock

from harness.compiler.worker import environment
from harness.compiler.worker.client import Worker
from harness.compiler.worker.environment import (
    NNCASE_VERSION,
    ensure,
    environment_folder,
    status,
)
from harness.errors import SetupError
from harness.files import CACHE_VARIABLE

ENSURE_AND_TELL = """
from harness.compiler.worker.environment import ensure
from harness.progress import SilentProgress
class Told(SilentProgress):
    def say(self, text): print(text)
print("ready:", ensure(Told()).python.exists())
"""

HOLD_LOCK = """
import filelock, sys
with filelock.FileLock(sys.argv[1]):
    print(flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def half_made(empty_cache):
    folder = empty_cache / environment_folder().name
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text("half a file")
    return folder


def test_status_of_nothing_changes_nothing(empty_cache):
    found = status()
    assert not found.ready
    assert found.problem == "it has not been made yet"
    assert "k210 setup" in found.remedy
    assert not empty_cache.exists()


@pytest.mark.sim
@pytest.mark.usefixtures("empty_cache")
def test_made_from_an_empty_cache_once():
    made = ensure()
    assert status().environment == made
    assert made.nncase_version == NNCASE_VERSION
    with Worker(made) as worker:
        assert worker.versions()["python"].startswith(made.python_version)
    before = (made.folder / "ready.json").stat().st_mtime_ns
    assert ensure() == made
    assert (made.folder / "ready.json").stat().st_mtime_ns == before


@pytest.mark.sim
@pytest.mark.usefixtures("half_made")
def test_half_made_is_made_again():
    assert status().problem == "it is half made"
    ensure()
    assert status().ready


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "it is half made"),
        ("[]", "it is half made"),
        (json.dumps({"nncase": "1", "python": "3.10"}), "it is half made"),
        (
            json.dumps({"nncase": "1", "python": "3.10", "requirements_sha256": "old"}),
            "it is out of date",
        ),
    ],
)
def test_status_of_a_wrong_marker(half_made, content, problem):
    (half_made / "ready.json").write_text(content)
    assert status().problem == problem


def test_status_when_the_python_below_is_gone(half_made):
    python = half_made / "bin" / "python"
    python.unlink()
    python.symlink_to(half_made / "no-such-python")
    environment.write_json(half_made / "ready.json", environment._marker_content("3.10"))
    assert status().problem == "the Python 3.10 it stood on is gone"


@pytest.mark.sim
@pytest.mark.usefixtures("empty_cache")
def test_two_processes_make_it_once():
    command = [sys.executable, "-c", ENSURE_AND_TELL]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = "".join(process.communicate(timeout=240)[0] for process in both)
    assert told.count("ready: True") == 2
    assert told.count(str(environment_folder())) == 1


def test_waiting_for_another_process_has_an_end(empty_cache, monkeypatch):
    monkeypatch.setattr(environment, "LOCK_LIMIT_S", 0.2)
    empty_cache.mkdir()
    path = environment_folder().with_name(f"{environment_folder().name}.lock")
    command = [sys.executable, "-c", HOLD_LOCK, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(SetupError, match=r"another process .*\.lock"):
            ensure()
        other.communicate()
    with FileLock(path, timeout=0):
        pass


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file" / "cache"))
    with pytest.raises(SetupError, match="cannot be written") as caught:
        ensure()
    assert CACHE_VARIABLE in caught.value.remedy


@pytest.mark.sim
@pytest.mark.usefixtures("empty_cache")
def test_failed_installation_shows_what_uv_said(tmp_path, monkeypatch):
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    with pytest.raises(SetupError, match=f"uv cannot install nncase=={NNCASE_VERSION}") as caught:
        ensure()
    assert "network" in caught.value.output
    assert "UV_INDEX_URL" in caught.value.remedy
    assert status().problem == "it is half made"
