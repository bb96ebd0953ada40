"""Looking for a Python, among shell scripts that behave like the ones people really have."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.compiler.worker import discovery, uv_tool
from harness.compiler.worker.discovery import VARIABLE, candidates, find, probe
from harness.errors import SetupError

SHIM = """#!/bin/sh
echo "pyenv: ${0##*/}: command not found" >&2
echo "The command exists in these Python versions: 3.10.13" >&2
exit 127
"""


def answering(version: str, implementation: str = "CPython") -> str:
    return f'#!/bin/sh\necho "{implementation}|{version}|$0"\n'


def put(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return path


def no_download() -> Path:
    raise SetupError("no internet")


@pytest.fixture(autouse=True)
def bare_machine(tmp_path, monkeypatch):
    """No Python anywhere: an empty PATH, home, pyenv and conda."""
    for name in (VARIABLE, "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr(discovery, "CONDA_ROOTS", ("~/miniconda3",))


def test_the_running_python_is_asked_for_real():
    interpreter, verdict = probe(Path(sys.executable))
    assert interpreter is None
    assert verdict == f"is CPython {sys.version_info.major}.{sys.version_info.minor}"


def test_broken_shim_is_passed_over(tmp_path):
    shim = put(tmp_path / "a/python3.10", SHIM)
    good = put(tmp_path / "b/python3.10", answering("3.10"))
    found = find(no_download)
    assert found.interpreter.path == good
    assert [str(attempt) for attempt in found.attempts] == [
        f"{shim} (on PATH): pyenv: python3.10: command not found",
        f"{good} (on PATH): is CPython 3.10",
    ]


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        (answering("3.12"), "is CPython 3.12"),
        (answering("3.10", "PyPy"), "is PyPy 3.10"),
        ("#!/no/such/interpreter\n", "cannot be run: No such file or directory"),
        ("#!/bin/sh\nexit 3\n", "exit code 3, no answer"),
        ("#!/bin/sh\necho hello\n", "hello"),
    ],
)
def test_what_is_no_python_for_nncase(tmp_path, script, verdict):
    path = put(tmp_path / "a/python3.10", script)
    with pytest.raises(SetupError) as caught:
        find(no_download)
    assert f"{path} (on PATH): {verdict}" in caught.value.cause
    assert VARIABLE in caught.value.remedy


def test_hanging_python_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(discovery, "PROBE_LIMIT_S", 0.5)
    hanging = put(tmp_path / "a/python3.10", "#!/bin/sh\nexec /bin/sleep 60\n")
    with pytest.raises(SetupError) as caught:
        find(no_download)
    assert f"{hanging} (on PATH): no answer within 0.5 s" in caught.value.cause


def test_newer_version_wins_over_earlier_place(tmp_path):
    put(tmp_path / "a/python3.8", answering("3.8"))
    pyenv = put(tmp_path / "pyenv/versions/3.9.18/bin/python3.9", answering("3.9"))
    found = find(no_download)
    assert found.interpreter == discovery.Interpreter(pyenv, "3.9")


def test_order_of_places(tmp_path, monkeypatch):
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "prefix"))
    expected = [
        put(tmp_path / "a/python3", answering("3.7")),
        put(tmp_path / "b/python3.7", answering("3.7")),
        put(tmp_path / "pyenv/versions/3.7.16/bin/python3.7", answering("3.7")),
        put(tmp_path / "prefix/bin/python3.7", answering("3.7")),
        put(tmp_path / "miniconda3/bin/python3.7", answering("3.7")),
        put(tmp_path / "miniconda3/envs/old/bin/python3.7", answering("3.7")),
    ]
    assert [candidate.path for candidate in candidates()] == expected
    assert find(no_download).interpreter.path == expected[0]


def test_the_variable_is_the_only_candidate(tmp_path, monkeypatch):
    put(tmp_path / "a/python3.10", answering("3.10"))
    named = put(tmp_path / "mine", answering("3.7"))
    monkeypatch.setenv(VARIABLE, str(named))
    assert find(no_download).interpreter == discovery.Interpreter(named, "3.7")


@pytest.mark.parametrize("script", [SHIM, answering("3.12"), None])
def test_a_bad_variable_is_an_error_that_names_it(tmp_path, monkeypatch, script):
    put(tmp_path / "a/python3.10", answering("3.10"))
    named = put(tmp_path / "mine", script) if script else tmp_path / "mine"
    monkeypatch.setenv(VARIABLE, str(named))
    with pytest.raises(SetupError, match=f"{VARIABLE} is {named}"):
        find(no_download)


def test_download_is_the_last_resort_only(tmp_path):
    fetched = put(tmp_path / "fetched/python3.10", answering("3.10"))
    put(tmp_path / "a/python3.10", SHIM)
    assert find(lambda: fetched).interpreter.path == fetched
    local = put(tmp_path / "b/python3.7", answering("3.7"))
    assert find(lambda: fetched).interpreter.path == local


def test_failed_download_is_a_clear_error(tmp_path, monkeypatch):
    """A download that works cannot be tried without the internet; uv's failure can."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    with pytest.raises(SetupError) as caught:
        find(uv_tool.download_python)
    assert "Tried: nothing that looks like one" in caught.value.cause
    assert "uv cannot download Python 3.10" in caught.value.cause
    assert caught.value.output
    assert "k210 setup" in caught.value.remedy
