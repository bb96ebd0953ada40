"""The line: pace, ring, speeds. Times have wide margins; what cannot be, fails."""

from __future__ import annotations

import time

import pytest
import serial

from tests.conftest import timed

from .client import Client

RECEIVE = """
from machine import UART
import time
uart = UART.repl_uart()
print('ready')
time.sleep_ms(%d)
count, empty = 0, 0
while empty < 30:
    data = uart.read(256)
    count += len(data or b'')
    empty = 0 if data else empty + 1
print(count)
"""


def received(client: Client, count: int, wait_ms: int) -> int:
    """Send bytes to a board that looks only after a while; return how many it has."""
    client.send((RECEIVE % wait_ms).encode() + b"\x04")
    client.until(b"ready\r\n")
    client.send(b"x" * count)
    return int(client.until(b"\x04\x04>")[:-3])


@pytest.mark.parametrize(("sent", "kept"), [(2000, 2000), (2048, 2048), (5000, 2048)])
def test_the_ring_keeps_2_kib_and_silently_drops_the_rest(client, sent, kept):
    assert received(client, sent, 900) == kept
    assert client.run("print(1)") == "1\n"


def test_what_is_read_in_time_is_not_lost(client):
    assert received(client, 5000, 0) == 5000


@timed
@pytest.mark.parametrize("baud", [115200, 1500000])
def test_the_board_sends_at_the_pace_of_the_line(client, baud):
    count = baud // 10
    # The pause gives a busy host time to change its own speed.
    client.send(
        b"import time\nfrom machine import UART\nu = UART.repl_uart()\n"
        b"u.init(%d, 8, None, 1, read_buf_len=4096)\nx = 'y' * 1024\ntime.sleep_ms(500)\n"
        b"for i in range(%d): u.write(x)\n\x04" % (baud, count // 1024)
    )
    client.until(b"OK")
    client.serial.baudrate = baud
    got = client.until(b"y")
    started = time.monotonic()
    got += client.until(b"\x04\x04>")
    taken = time.monotonic() - started
    client.send(b"u.init(115200)\x04")
    time.sleep(0.3)
    client.serial.baudrate = 115200
    client.enter_raw()
    assert got.count(b"y") == count // 1024 * 1024
    assert 0.9 < taken < 1.6


def test_the_board_receives_at_the_pace_of_the_line(client):
    client.send((RECEIVE % 0).encode() + b"\x04")
    client.until(b"ready\r\n")
    started = time.monotonic()
    client.send(b"x" * 8000)
    assert int(client.until(b"\x04\x04>")[:-3]) == 8000
    assert time.monotonic() - started > 8000 * 10 / 115200 * 0.95


def test_another_speed_reads_and_writes_garbage(client):
    client.serial.baudrate = 9600
    client.send(b"print(1)\x04")
    assert b"OK" not in client.quiet(0.5)
    client.serial.baudrate = 115200
    client.enter_raw()


def test_a_soft_reset_goes_back_to_115200(client):
    client.send(b"from machine import UART\nUART.repl_uart().init(1500000)\x04")
    time.sleep(0.3)
    client.serial.baudrate = 1500000
    client.quiet(0.3)
    client.send(b"\x04")
    time.sleep(0.5)
    client.serial.baudrate = 115200
    client.quiet(0.3)
    assert client.run("print(1)") == "1\n"


def test_opening_with_and_without_dtr_leaves_the_board_alone(board, client):
    client.run("x = 3")
    client.serial.close()
    for level in (False, True):
        port = serial.Serial()
        port.port, port.baudrate = board.port, 115200
        port.dtr = port.rts = level
        port.open()
        port.close()
    client.serial.open()
    assert client.run("print(x)") == "3\n"


def test_log_lines_share_the_wire(client):
    assert client.run("import KPU\nKPU.memtest()").startswith("###free gc heap memory")
