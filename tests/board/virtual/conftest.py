import pytest

from harness.board.virtual import installation, start
from harness.errors import SetupError

from .client import Client


@pytest.fixture(scope="session")
def micropython():
    """MicroPython lies in the cache folder, and Node is there."""
    for engine in installation.PACKAGES:
        try:
            installation.find_node()
            installation.ensure(engine, installation.cache_folder())
        except SetupError as error:
            pytest.skip(str(error))


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
