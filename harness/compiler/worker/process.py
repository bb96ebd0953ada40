"""One nncase process: started, spoken to under a time limit, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from harness.compiler.worker.environment import WorkerEnvironment
from harness.compiler.worker.protocol import Frame, ProtocolError, read_frame, write_frame
from harness.compiler.worker.results import Array

SERVER = Path(__file__).with_name("server.py")
CLOSE_LIMIT_S = 5.0
_OUTPUT_LIMIT = 64 * 1024


class WorkerDiedError(Exception):
    """The process ended, broke the channel or was stopped; it cannot be used any more.

    Args:
        how: What happened to it, as the predicate of a sentence.
        output: The last of what nncase printed.
    """

    def __init__(self, how: str, output: str) -> None:
        super().__init__(how)
        self.how = how
        self.output = output


class TimedOutError(WorkerDiedError):
    """It did not answer in time."""


class WorkerProcess:
    """nncase in its own Python, with a folder of its own for what it writes.

    The process ends when this object is closed, and also when this process ends in any way.
    """

    def __init__(self, environment: WorkerEnvironment) -> None:
        self.environment = environment
        self._folder = tempfile.TemporaryDirectory(prefix="k210-nncase-")
        self._log = Path(self._folder.name, "nncase.log")
        far_end, self._lifeline = os.pipe()
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                [environment.python, "-E", "-s", "-B", SERVER, str(far_end)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self._folder.name,
                pass_fds=(far_end,),
                start_new_session=True,  # Ctrl-C is for the harness, which then stops nncase
            )
        os.close(far_end)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._child.pid

    @property
    def alive(self) -> bool:
        """Whether it can be spoken to."""
        return self._child.poll() is None

    @property
    def output(self) -> str:
        """The last 64 KiB of what nncase printed since the last request began."""
        return self._log.read_bytes()[-_OUTPUT_LIMIT:].decode(errors="replace").strip()

    def exchange(
        self, message: Mapping[str, Any], arrays: Mapping[str, Array], limit_s: float
    ) -> Frame:
        """Send a request and wait for its answer.

        Raises:
            TimedOutError: There was no answer within `limit_s` seconds; it was stopped.
            WorkerDiedError: It ended or broke the channel; it was stopped.
        """
        os.truncate(self._log, 0)
        expired = threading.Event()
        watchdog = threading.Timer(limit_s, self._expire, [expired])
        watchdog.start()
        try:
            write_frame(self._stdin, message, arrays)
            reply = read_frame(self._stdout)
        except (OSError, ProtocolError) as error:
            raise self._death(expired, str(error)) from error
        except BaseException:
            self.kill()  # an answer that nobody waits for would be taken for the next one
            raise
        finally:
            watchdog.cancel()
        if reply is None:
            raise self._death(expired, "the stream ended")
        return reply

    def kill(self) -> None:
        """End it at once."""
        self._child.kill()
        self._child.wait()

    def close(self) -> None:
        """Let it end by itself, or kill it after a few seconds, and remove its folder."""
        try:
            self._child.communicate(timeout=CLOSE_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self._child.communicate()
        os.close(self._lifeline)
        self._folder.cleanup()

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._child.stdin is not None
        return self._child.stdin

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._child.stdout is not None
        return self._child.stdout

    def _expire(self, expired: threading.Event) -> None:
        expired.set()
        self._child.kill()

    def _death(self, expired: threading.Event, reason: str) -> WorkerDiedError:
        try:
            self._child.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self.kill()
            return WorkerDiedError(f"broke the channel ({reason})", self.output)
        if expired.is_set():
            return TimedOutError("ran past its time limit", self.output)
        return WorkerDiedError(_ending(self._child.returncode), self.output)


def _ending(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
