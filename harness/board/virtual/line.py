"""The serial line of the virtual board: a pseudo-terminal with the pace of a UART.

What the K210's UARTHS driver in MaixPy does: a receive ring that silently drops what comes when
it is full, no flow control, Ctrl-C as an interrupt while a program runs. Source: MaixPy-v1
`machine_uart.c`. DTR and RTS do not exist on a pseudo-terminal.
"""

from __future__ import annotations

import errno
import os
import select
import termios
import threading
import time
import tty
from collections.abc import Callable

from harness.board.virtual.troubles import Troubles

RING_BYTES = 2048
DEFAULT_BAUD = 115200
BITS_A_BYTE = 10
CTRL_C = 3
# The UART's own FIFO: a program that writes waits until all but this is sent.
FIFO_BYTES = 8
SLICE_S = 0.004
# What passes at once on a line without a pace: less than a ring, which else would overflow.
UNPACED_BYTES = 512
# What this side may take between two writes of one stream without a gap on the line.
LATE_S = 0.002
SPEEDS = {
    getattr(termios, name): int(name[1:])
    for name in dir(termios)
    if name[0] == "B" and name[1:].isdigit() and int(name[1:])
}


class Line:
    """Both ends of the line, and what a UART does in between.

    Attributes:
        port: Path of the terminal that a client opens.
        baud: The board's speed; a client at another speed reads and writes garbage.
        lost: Bytes that came when the ring was full.
        wedged: Whether nothing passes, in either direction.

    Args:
        interrupt: What Ctrl-C does while a program runs.
        paced: Whether bytes take the time that they take on a wire.
        troubles: What goes wrong on it.
        on_port: Who is told where the port is; None while it is nowhere.
    """

    def __init__(
        self,
        interrupt: Callable[[], None],
        paced: bool = True,
        troubles: Troubles | None = None,
        on_port: Callable[[str | None], None] = lambda _: None,
    ) -> None:
        self._paced, self._on_port = paced, on_port
        self._troubles = troubles or Troubles(())
        self.wedged = False
        self._plug = threading.RLock()
        self._away_s: float | None = None
        self._open()
        self._interrupt = interrupt
        self._ring = bytearray()
        self._lent = 0
        self._changed = threading.Condition()
        self._sent_at = 0.0
        self._closing = self._woken = False
        self.interrupt_char = -1
        self.lost = 0
        self.reset()
        self._receiver = threading.Thread(target=self._receive, daemon=True, name="line")
        self._receiver.start()

    def _open(self) -> None:
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self.port = os.ttyname(self._theirs)
        os.set_blocking(self._ours, False)
        self._set_client_speed(DEFAULT_BAUD)
        self._on_port(self.port)

    def unplug(self, seconds: float) -> None:
        """Take the port away at once, and give another after a while."""
        self._away_s = seconds

    def _replug(self, seconds: float) -> None:
        with self._plug:
            gone = self._ours, self._theirs
            self._on_port(None)
            kept = os.openpty()  # the old name is not to be given again
            for descriptor in gone:
                os.close(descriptor)
            time.sleep(seconds)
            self._open()
            for descriptor in kept:
                os.close(descriptor)
        self._away_s = None

    def reset(self) -> None:
        """Go back to what a reset gives: 115200 baud and a ring of 2 KiB."""
        self.configure(DEFAULT_BAUD, RING_BYTES)

    def configure(self, baud: int, ring_bytes: int) -> None:
        """Set the board's speed and the size of its ring, which loses what it holds."""
        with self._changed:
            self.baud, self.ring_bytes = baud, ring_bytes
            self._ring.clear()
            self._lent = 0

    def close(self) -> None:
        """Take the terminal away."""
        self._closing = True
        self.wake()
        self._receiver.join(1.0)
        os.close(self._ours)
        os.close(self._theirs)

    def lend(self, count: int, wait_s: float | None) -> bytes:
        """Return bytes of the ring, which keep their place in it until `used` is called.

        Args:
            count: How many at the most.
            wait_s: How long to wait for the first byte; None: without end.
        """
        with self._changed:
            self._woken = False
            self._changed.wait_for(lambda: len(self._ring) > self._lent or self._woken, wait_s)
            data = bytes(self._ring[self._lent : self._lent + count])
            self._lent += len(data)
            return data

    def wake(self) -> None:
        """End the waiting of `lend`."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def wait_interrupt(self, seconds: float) -> None:
        """Wait, or until Ctrl-C comes while a program runs."""
        with self._changed:
            self._woken = False
            self._changed.wait_for(lambda: self._woken, seconds)

    def used(self, count: int) -> None:
        """Free the room of bytes that were lent."""
        with self._changed:
            count = min(count, self._lent)
            del self._ring[:count]
            self._lent -= count

    def waiting(self) -> int:
        """Return how many bytes lie in the ring and are not lent."""
        with self._changed:
            return len(self._ring) - self._lent

    def write(self, data: bytes) -> None:
        """Send bytes at the board's pace; what nobody reads is lost."""
        data = self._troubles.passing("out", data)
        if self.wedged or self._away_s is not None:
            return
        if not self._paced:
            self._put(data if self._speeds_agree() else _garbled(data))
            return
        now = time.monotonic()
        if now - self._sent_at > LATE_S:
            self._sent_at = now
        for start in range(0, len(data), step := self._slice()):
            piece = data[start : start + step]
            self._sent_at += len(piece) * BITS_A_BYTE / self.baud
            _sleep_until(self._sent_at - FIFO_BYTES * BITS_A_BYTE / self.baud)
            self._put(piece if self._speeds_agree() else _garbled(piece))

    def _put(self, data: bytes) -> None:
        while data:
            with self._plug:
                try:
                    data = data[os.write(self._ours, data) :]
                except OSError as error:
                    if error.errno == errno.EAGAIN and select.select([], [self._ours], [], 0.2)[1]:
                        continue
                    return  # nobody reads

    def _slice(self) -> int:
        return max(1, int(self.baud / BITS_A_BYTE * SLICE_S)) if self._paced else UNPACED_BYTES

    def _receive(self) -> None:
        arrived_at = 0.0
        while not self._closing:
            if self._away_s is not None:
                self._replug(self._away_s)
            # Bytes that wait already followed the last ones without a gap.
            if not select.select([self._ours], [], [], 0)[0]:
                if not select.select([self._ours], [], [], 0.1)[0]:
                    continue
                arrived_at = time.monotonic()
            try:
                data = os.read(self._ours, self._slice())
            except OSError:
                continue
            if self._paced:
                arrived_at += len(data) * BITS_A_BYTE / self.baud
                _sleep_until(arrived_at)
            data = self._troubles.passing("in", data)
            if not self.wedged:
                self._arrive(data if self._speeds_agree() else _garbled(data))

    def _arrive(self, data: bytes) -> None:
        with self._changed:
            for byte in data:
                if byte == self.interrupt_char:
                    self._woken = True
                    self._interrupt()
                elif len(self._ring) < self.ring_bytes:
                    self._ring.append(byte)
                else:
                    self.lost += 1
            self._changed.notify_all()

    def _speeds_agree(self) -> bool:
        with self._plug:
            speed = SPEEDS.get(termios.tcgetattr(self._theirs)[5])
        return speed is None or speed == self.baud

    def _set_client_speed(self, baud: int) -> None:
        settings = termios.tcgetattr(self._theirs)
        settings[4] = settings[5] = getattr(termios, f"B{baud}")
        termios.tcsetattr(self._theirs, termios.TCSANOW, settings)


def _sleep_until(moment: float) -> None:
    wait = moment - time.monotonic()
    if wait > 0:
        time.sleep(wait)


def _garbled(data: bytes) -> bytes:
    # What a receiver at another speed makes of it is not text; which bytes come is our choice.
    return bytes(byte * 37 & 0xFF | 0x80 for byte in data)
