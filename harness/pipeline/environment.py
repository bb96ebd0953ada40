"""What a result depends on besides model and data."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata

import harness

_PACKAGES = ("torch", "numpy", "onnx", "pillow")
_GIT_LIMIT_S = 10


def environment() -> dict[str, str]:
    """Return versions and machine by name, and the commit where the working directory has one."""
    commit = git_commit()
    return {
        "k210-harness": harness.__version__,
        **({"git": commit} if commit else {}),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count() or 0),
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def git_commit() -> str:
    """Return the commit of the working directory, `+` behind it where files differ from it."""
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return ""
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return f"{commit}+" if changed else commit


def _git(*arguments: str) -> str:
    """Return what git prints; nothing where there is no git, or no repository."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            text=True,
            timeout=_GIT_LIMIT_S,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
