import pytest

from harness.board.virtual import start

from .client import Client


@pytest.fixture(scope="module")
def board(micropython):
    """A virtual M5StickV that the tests of a file share."""
    with start() as board:
        yield board


@pytest.fixture
def client(board):
    """A client in the raw REPL."""
    with Client(board.port) as client:
        client.enter_raw()
        yield client
