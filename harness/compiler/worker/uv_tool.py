"""The few things that uv does for the nncase environment."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness.compiler.worker.discovery import SUPPORTED
from harness.errors import SetupError

LIMIT_S = 600.0

_INDEX_REMEDY = (
    "uv does not read pip's configuration: name a package index that has nncase with "
    "UV_INDEX_URL (or UV_FIND_LINKS for a folder of wheels), a proxy with HTTPS_PROXY, then run "
    "`k210 setup` again"
)
_CHECK = "import nncase; assert nncase.test_target('k210'), 'nncase has no target k210'"


def download_python() -> Path:
    """Let uv fetch the newest supported CPython, and return its path.

    Raises:
        SetupError: It could not be fetched.
    """
    version = SUPPORTED[0]
    remedy = "check the connection to the internet"
    _run([_uv(), "python", "install", version], f"uv cannot download Python {version}", remedy)
    found = _run(
        [_uv(), "python", "find", version],
        f"uv cannot find the Python {version} that it downloaded",
        remedy,
        {"UV_PYTHON_PREFERENCE": "only-managed"},
    )
    return Path(found.strip())


def make_venv(folder: Path, python: Path) -> None:
    """Make an empty environment.

    Raises:
        SetupError: uv failed.
    """
    command = [_uv(), "venv", "--no-project", "--python", str(python), str(folder)]
    _run(command, f"uv cannot make an environment from {python}", "try another with `k210 setup`")


def install(python: Path, requirements: Sequence[str]) -> None:
    """Install packages into the environment of an interpreter.

    Raises:
        SetupError: uv failed; the message carries what it said.
    """
    command = [_uv(), "pip", "install", "--python", str(python), *requirements]
    _run(command, f"uv cannot install {' '.join(requirements)}", _INDEX_REMEDY)


def check(python: Path) -> None:
    """Import nncase and ask it for the K210.

    Raises:
        SetupError: nncase does not work there.
    """
    remedy = "see what it says; nncase needs a 64-bit x86 Linux with libgomp"
    _run([str(python), "-E", "-s", "-c", _CHECK], "nncase was installed but does not work", remedy)


def _uv() -> str:
    # Imported here: only the making of an environment needs uv.
    import uv

    try:
        return os.fspath(uv.find_uv_bin())
    except FileNotFoundError as error:
        raise SetupError("the program of package uv is missing", "pip install uv") from error


def _run(
    command: Sequence[str], failure: str, remedy: str, variables: dict[str, str] | None = None
) -> str:
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "NO_COLOR": "1", **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SetupError(f"{failure}: no end within {LIMIT_S:g} s", remedy) from error
    if done.returncode:
        output = (done.stdout + done.stderr).strip()
        raise SetupError(f"{failure}: {_summary(output)}", remedy, output=output)
    return done.stdout


def _summary(output: str) -> str:
    return " ".join(output.split())[-400:] or "it said nothing"
