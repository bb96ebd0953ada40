"""Files to and from a board: a loader that goes on where it was cut, and a plain way."""

from harness.board.transfer.loader import Loader as Loader
from harness.board.transfer.plain import PlainTransfer as PlainTransfer
from harness.board.transfer.protocol import Link as Link
from harness.board.transfer.protocol import Transfer as Transfer
from harness.board.transfer.steps import ATTEMPTS as ATTEMPTS
from harness.board.transfer.steps import PART as PART
from harness.board.transfer.steps import ask_of as ask_of
from harness.board.transfer.steps import file_error as file_error
from harness.board.transfer.steps import settle as settle
