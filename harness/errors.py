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


class RunFolderError(HarnessError):
    """A run folder cannot be written or read as one."""
