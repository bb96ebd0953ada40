"""pyserial's own RFC 2217 server between us and a board: the line over a network."""

from __future__ import annotations

import socket
import threading

import pytest
import serial
from serial.rfc2217 import PortManager

from harness.board import virtual
from harness.board.board import Board
from harness.board.failures import ScriptError
from harness.board.runner import Runner
from harness.errors import BoardError
from harness.kmodel import save
from harness.simulator import rules_probe
from tests.board.conftest import MICROBIT_ROOM


class PseudoTerminal(serial.Serial):
    """A pseudo-terminal as a serial port: it has no modem lines to ask for or to set."""

    cts = dsr = ri = cd = property(lambda port: False)

    def _update_dtr_state(self) -> None:
        pass

    def _update_rts_state(self) -> None:
        pass


class Server:
    """Hands one serial port to one client after the other."""

    def __init__(self, port: str) -> None:
        self.serial = PseudoTerminal(port, timeout=0.05)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.1)
        self.url = f"rfc2217://127.0.0.1:{self.listener.getsockname()[1]}"
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def write(self, data: bytes) -> None:
        """What the port manager sends to the client."""
        self.client.sendall(data)

    def serve(self) -> None:
        while not self.ended.is_set():
            try:
                self.client, _ = self.listener.accept()
            except TimeoutError:
                continue
            with self.client:
                self.client.settimeout(0.05)
                self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                manager = PortManager(self.serial, self)
                reader = threading.Thread(target=self.forward, args=(manager,))
                self.gone = threading.Event()
                reader.start()
                self.backward(manager)
                self.gone.set()
                reader.join()

    def forward(self, manager: PortManager) -> None:
        while not self.gone.is_set() and not self.ended.is_set():
            data = self.serial.read(self.serial.in_waiting or 1)
            if data:
                self.write(b"".join(manager.escape(data)))

    def backward(self, manager: PortManager) -> None:
        while not self.ended.is_set():
            try:
                data = self.client.recv(1024)
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                return
            self.serial.write(b"".join(manager.filter(data)))

    def close(self) -> None:
        self.ended.set()
        self.thread.join(5)
        self.listener.close()
        self.serial.close()


@pytest.fixture
def server(microbit):
    one = Server(microbit)
    yield one
    one.close()


def test_a_board_behind_a_server(server):
    for _ in range(2):
        with Board.open(server.url, room=MICROBIT_ROOM) as board:
            board.soft_reset()  # a micro:bit's heap has no room for what earlier tests defined
            assert board.eval("(1, 'a')") == (1, "a")
            with pytest.raises(ScriptError, match="line 2"):
                board.exec("a = 1\n1/0\n", name="far.py")
            data = bytes(range(200, 256))  # 255 is telnet's own byte
            board.write("far.bin", data)
            assert board.read("far.bin") == data


def test_a_server_that_goes_away_is_told(server):
    with Board.open(server.url, room=MICROBIT_ROOM) as board:
        server.close()
        with pytest.raises(BoardError):
            board.exec("print(1)", timeout=1.0)


def test_no_server():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(BoardError, match="is its server running"):
        Board.open(f"rfc2217://127.0.0.1:{port}")


def test_a_model_runs_on_a_virtual_board_behind_the_network(micropython):
    """The profile that answers like real firmware: its kind has to be known all the same."""
    with virtual.start("m5stickv-0.4.0") as there:
        server = Server(there.port)
        try:
            with Board.open(server.url) as board:
                assert board.info.kind == "virtual"
                kmodel = save(rules_probe.program())
                with Runner(board, kmodel, board.info.kpu_api, "/sd") as runner:
                    (found,) = runner.run(rules_probe.image()).outputs
        finally:
            server.close()
    assert rules_probe.judge(found).rules == "nncase-0.2"
