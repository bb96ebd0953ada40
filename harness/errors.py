"""One exception tree: every failure a user can cause or meet says its cause and its remedy."""

from __future__ import annotations


class HarnessError(Exception):
    """Base of all errors that the harness raises on purpose.

    Args:
        cause: What went wrong, naming the file, layer, class or value at fault.
        remedy: What the reader can do about it.
        output: What an outside program (nncase, pip, a board) itself said, if anything.
    """

    def __init__(self, cause: str, remedy: str = "", *, output: str = "") -> None:
        self.cause = cause
        self.remedy = remedy
        self.output = output
        super().__init__(cause, remedy)

    def __str__(self) -> str:
        return f"{self.cause} → {self.remedy}" if self.remedy else self.cause


class UsageError(HarnessError):
    """The command line or a configuration asks for something that cannot be done."""


class DataError(HarnessError):
    """A data set, archive or image breaks the rules it has to keep."""


class ContractError(HarnessError):
    """An input contract is inconsistent, or does not belong to the model beside it."""


class MethodError(HarnessError):
    """A method or a user's factory is missing, broken, or lacks what was asked of it."""


class SetupError(HarnessError):
    """The nncase worker environment is missing or could not be made."""


class CompileError(HarnessError):
    """PyTorch, ONNX or nncase could not turn a model into a kmodel."""


class SimulationError(HarnessError):
    """A simulator refused a kmodel, crashed on it, or ran past its time limit."""


class ConversionError(HarnessError):
    """A kmodel cannot be written for the firmware asked for, in full and without a guess."""


class BoardError(HarnessError):
    """A board, its port, or what runs on it did not do what was asked."""


class RunFolderError(HarnessError):
    """A run folder cannot be written or read as one."""


class StoreError(HarnessError):
    """A store cannot be opened, is of another version, or cannot take what it is given."""


class GateError(HarnessError):
    """Two runs cannot be held against each other, or a threshold cannot be read."""


class KModelError(HarnessError):
    """Bytes that claim to be a kmodel break a rule of the format.

    Args:
        offset: Where in the file, in bytes.
        field: What is stored there.
        value: What was found.
        expected: What the format, or a K210, allows.
        remedy: What the reader can do about it.
    """

    def __init__(
        self, offset: int, field: str, value: object, expected: str, remedy: str = ""
    ) -> None:
        self.offset = offset
        self.field = field
        self.value = value
        self.expected = expected
        super().__init__(f"kmodel byte {offset}: {field} is {value}, expected {expected}", remedy)
