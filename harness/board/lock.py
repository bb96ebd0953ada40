"""One board, one user: a lock on a port that all processes of this machine see."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import sys
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from harness.errors import BoardError
from harness.files import write_json


@dataclass(frozen=True)
class Holder:
    """Who has a port.

    Attributes:
        command: Its command line.
        pid: Its process id.
        host: Its machine.
        since: When it took the port, ISO 8601.
    """

    command: str
    pid: int
    host: str
    since: str

    @classmethod
    def here(cls) -> Holder:
        """Return this process."""
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        return cls(command, os.getpid(), socket.gethostname(), since)

    def __str__(self) -> str:
        return f"{self.command!r} (process {self.pid} on {self.host}, since {self.since})"


class PortLock:
    """A lock on a port, held from `acquire` or `with` to `release`.

    The system frees it when its holder dies in any way; the record beside it, which says who that
    was, is then written anew.

    Args:
        url: The port; links such as `/dev/serial/by-id/…` count as what they point to.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._record = beside(url, "json")
        self._lock = FileLock(beside(url, "lock"), timeout=0)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the port, without waiting.

        Raises:
            BoardError: Somebody has it, who is named.
        """
        try:
            self._lock.acquire()
        except Timeout as error:
            holder = self.holder()
            who = str(holder) if holder else "another process"
            raise BoardError(
                f"port {self.url} is locked by {who}", "wait for it to end, or end it"
            ) from error
        write_json(self._record, asdict(Holder.here()))

    def release(self) -> None:
        """Give the port back; again does nothing."""
        if self._lock.is_locked:
            self._record.unlink(missing_ok=True)
            self._lock.release()

    def holder(self) -> Holder | None:
        """Return who is recorded as holding the port; None where nobody is."""
        try:
            return Holder(**json.loads(self._record.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def beside(url: str, suffix: str) -> Path:
    """Return the path of a file about a port: its lock, and what lies beside it."""
    name = re.sub(r"[^\w.-]+", "_", _canonical(url)).strip("_")
    return folder() / f"{name}.{suffix}"


def folder() -> Path:
    """Return where locks are: `K210_LOCK_DIR`, or `locks` in the harness's cache folder."""
    import platformdirs

    chosen = os.environ.get("K210_LOCK_DIR")
    found = Path(chosen) if chosen else platformdirs.user_cache_path("k210-harness") / "locks"
    found.mkdir(parents=True, exist_ok=True)
    return found


def _canonical(url: str) -> str:
    if "://" in url:
        return url.partition("?")[0]
    return str(Path(url).resolve()) if "/" in url else url.upper()
