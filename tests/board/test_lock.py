"""One user a port, across processes; a dead holder's lock is free at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from harness.board.lock import PortLock
from harness.errors import BoardError

HOLD = """
import sys, time
from harness.board.lock import PortLock
with PortLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder():
    """Another process that holds the lock of a port."""
    running = []

    def hold(port):
        process = subprocess.Popen([sys.executable, "-c", HOLD, port], stdout=subprocess.PIPE)
        running.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield hold
    for process in running:
        process.kill()
        process.communicate()


def test_a_held_port_is_refused_and_its_holder_named(holder):
    process = holder("/dev/ttyUSB7")
    with pytest.raises(BoardError) as raised:
        PortLock("/dev/ttyUSB7").acquire()
    text = str(raised.value)
    assert f"process {process.pid}" in text
    assert "/dev/ttyUSB7" in text
    assert "-c" in text  # its command line


def test_a_killed_holder_s_lock_is_reclaimed(holder):
    process = holder("/dev/ttyUSB7")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    lock = PortLock("/dev/ttyUSB7")
    assert lock.holder().pid == process.pid  # its record is still there
    with lock:
        assert lock.holder().pid == os.getpid()
    assert lock.holder() is None


def test_another_port_is_free(holder):
    holder("/dev/ttyUSB7")
    with PortLock("/dev/ttyUSB8"):
        pass


def test_a_link_is_the_port_that_it_points_to(tmp_path):
    port = tmp_path / "ttyUSB0"
    port.touch()
    (tmp_path / "by-id").symlink_to(port)
    with PortLock(str(port)), pytest.raises(BoardError, match="locked by"):
        PortLock(str(tmp_path / "by-id")).acquire()


def test_names_of_windows_and_networks_have_locks_too():
    with PortLock("com5"), pytest.raises(BoardError):
        PortLock("COM5").acquire()
    url = "rfc2217://desk:2217"
    with PortLock(url), pytest.raises(BoardError):
        PortLock(f"{url}?timeout=3").acquire()


def test_a_damaged_record_does_not_matter(lock_folder):
    with PortLock("/dev/ttyUSB7"):
        for record in lock_folder.glob("*.json"):
            record.write_text("{")
        with pytest.raises(BoardError, match="another process"):
            PortLock("/dev/ttyUSB7").acquire()
    with PortLock("/dev/ttyUSB7"):
        pass
