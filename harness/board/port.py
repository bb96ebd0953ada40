"""A serial line by URL, on which every read and every write has a bound."""

from __future__ import annotations

import errno
import os
import re
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.errors import BoardError

BAUD = 115200
NO_PYSERIAL = "pyserial is not installed"
# How long a read may sleep before it looks at its own limit again.
_TICK_S = 0.02
_WRITE_S = 10.0


class Deadline:
    """A moment that comes.

    Args:
        seconds: From now.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until then; 0 afterwards."""
        return max(0.0, self._end - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether it has come."""
        return self.left == 0.0


class SerialLine:
    """An open port. A context manager.

    DTR and RTS are low before the port opens: on many K210 boards they hold the chip in reset, or
    start its loader (kflash.py).

    Args:
        url: What pyserial opens: `/dev/ttyUSB0`, `COM5`, `rfc2217://host:port`, `socket://…`.
        baud: Bits a second.

    Raises:
        BoardError: It is not there, not ours, taken, or no serial port.
    """

    def __init__(self, url: str, baud: int = BAUD) -> None:
        self.url = url
        self._serial = _unopened(url, baud)
        try:
            self._serial.open()
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise _refusal(url, error) from error
        # What an earlier session left in the buffers is not for this one.
        self._serial.reset_input_buffer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def baud(self) -> int:
        """Bits a second."""
        return int(self._serial.baudrate)

    @baud.setter
    def baud(self, value: int) -> None:
        try:
            self._serial.baudrate = value
        except (OSError, ValueError) as error:
            raise BoardError(f"port {self.url} cannot run at {value} baud ({error})") from error

    def read(self, seconds: float) -> bytes:
        """Return what has come, or what comes first within `seconds`; b"" where nothing does.

        Raises:
            BoardError: The port is gone.
        """
        deadline = Deadline(seconds)
        while True:
            data = self._take(wait=seconds > 0)
            if data or deadline.passed:
                return data

    def write(self, data: bytes) -> None:
        """Send bytes. How many a board takes at once is for the caller to know.

        Raises:
            BoardError: The port is gone, or takes nothing for 10 s.
        """
        try:
            self._serial.write(data)
        except OSError as error:  # SerialTimeoutException too
            raise self._gone(error) from error

    @property
    def gone(self) -> bool:
        """Whether the port has been pulled out, or its far end has hung up."""
        try:
            self._serial.in_waiting  # noqa: B018  it asks the system
        except (OSError, TypeError):
            return True
        return False

    def set_levels(self, dtr: bool, rts: bool) -> None:
        """Set the two control lines.

        Raises:
            BoardError: This port has none, such as a pseudo-terminal.
        """
        try:
            self._serial.dtr = dtr
            self._serial.rts = rts
        except (OSError, ValueError) as error:
            raise BoardError(
                f"port {self.url} has no DTR and RTS ({_reason(error)})", "press reset by hand"
            ) from error

    def drain(self, quiet: float, most: float) -> bytes:
        """Return what comes until nothing has come for `quiet` seconds, or `most` are over."""
        deadline, data = Deadline(most), bytearray()
        while not deadline.passed:
            piece = self.read(min(quiet, deadline.left))
            if not piece:
                break
            data += piece
        return bytes(data)

    def close(self) -> None:
        """Close the port; again does nothing."""
        try:
            self._serial.close()
        except OSError:  # it was pulled out, which closes it too
            return

    def _take(self, wait: bool) -> bytes:
        try:
            waiting = self._serial.in_waiting
            return bytes(self._serial.read(waiting or 1)) if waiting or wait else b""
        except (OSError, TypeError) as error:  # pyserial reads from None after a hang-up
            raise self._gone(error) from error

    def _gone(self, error: Exception) -> BoardError:
        return BoardError(
            f"the board on {self.url} is gone ({_reason(error)})", "check cable and power"
        )


def _unopened(url: str, baud: int) -> Any:  # noqa: ANN401  one class a URL scheme
    try:
        import serial
    except ImportError as error:
        raise BoardError(NO_PYSERIAL, "pip install 'k210-harness[board]'") from error
    try:
        port = serial.serial_for_url(url, do_not_open=True)
    except ValueError as error:
        raise BoardError(f"{url!r} names no serial port ({error})", _SCHEMES) from error
    port.baudrate = baud
    port.timeout = _TICK_S
    port.write_timeout = _WRITE_S if "://" not in url else None
    if os.name == "posix":
        port.exclusive = "://" not in url or None
    port.dtr = False
    port.rts = False
    return port


_SCHEMES = "such as /dev/ttyUSB0, COM5, rfc2217://host:port or socket://host:port"


def _refusal(url: str, error: Exception) -> BoardError:
    number = getattr(error, "errno", None)
    if number == errno.ENOENT:
        return BoardError(f"there is no port {url}", "k210 board list shows those that are there")
    if number in (errno.EACCES, errno.EPERM):
        return BoardError(
            f"port {url} belongs to {_owner(url)}",
            "join its group (often: sudo usermod -aG dialout $USER, then log in again)",
        )
    if number in (errno.EBUSY, errno.EAGAIN) or "lock port" in str(error):
        return BoardError(
            f"port {url} is in use by another program",
            "close it (a terminal, an IDE, ModemManager)",
        )
    if "://" in url:
        return BoardError(f"{url} cannot be opened ({_reason(error)})", "is its server running?")
    return BoardError(f"{url} is no serial port ({_reason(error)})", _SCHEMES)


def _owner(url: str) -> str:
    try:
        return f"user {Path(url).owner()}, group {Path(url).group()}"
    except (OSError, KeyError, NotImplementedError):
        return "another user"


def _reason(error: Exception) -> str:
    """Return why, in words; pyserial wraps what the system said into its own text."""
    number = getattr(error, "errno", None)
    if number:
        return os.strerror(number)
    said = re.search(r"\((\d+), '.*'\)$", str(error))
    return os.strerror(int(said[1])) if said else str(error).rpartition(": ")[2]
