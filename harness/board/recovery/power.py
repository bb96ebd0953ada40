"""The power hook: a command of the user's that takes a board's power away and gives it back."""

from __future__ import annotations

import os
import signal
import subprocess

from harness.errors import BoardError

VARIABLE = "K210_POWER_HOOK"
LIMIT_S = 30.0
_SAID = 200


def hook_of(given: str | None = None) -> str | None:
    """Return the command that was given, or that of the environment; None where there is none."""
    return given or os.environ.get(VARIABLE) or None


def cycle(command: str, port: str, seconds: float = LIMIT_S) -> None:
    """Run the command in a shell, with the port in `K210_PORT`, for `seconds` at the most.

    Raises:
        BoardError: It fails, or is not done in time; it is ended then, with what it started.
    """
    process = subprocess.Popen(
        command,
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "K210_PORT": port},
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=seconds)
    except BaseException as error:
        _end(process)
        if isinstance(error, subprocess.TimeoutExpired):
            raise BoardError(
                f"the power hook {command!r} was not done after {seconds:g} s",
                "let it switch and return",
            ) from error
        raise
    if process.returncode:
        text = " ".join(said.decode(errors="replace").split())[-_SAID:]
        raise BoardError(
            f"the power hook {command!r} failed with exit code {process.returncode}: {text}",
            "run it by hand; it gets the port in K210_PORT",
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()
