"""What a backend is: a batch of bytes in, named outputs and a latency for each item out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.method import InputContract
from harness.progress import SILENT, Progress

if TYPE_CHECKING:
    from torch import nn

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Subject:
    """A model in the forms that backends run.

    Attributes:
        contract: Which bytes it eats.
        outputs: Names of its outputs, in order.
        module: The PyTorch module, for backends that run it.
        kmodel: The compiled model, for backends that run that.
    """

    contract: InputContract
    outputs: tuple[str, ...]
    module: nn.Module | None = None
    kmodel: bytes | None = None


@dataclass(frozen=True)
class BackendResult:
    """What one backend made of a batch.

    Attributes:
        backend: Its name.
        outputs: float32 [N, ...] by output name, in order.
        latency_ms: float64 [N], the time of each item in milliseconds.
        environment: What ran it, in short: versions, threads, board.
        board: For the backend `board`, which one it was and what it was sent.
    """

    backend: str
    outputs: Mapping[str, npt.NDArray[np.float32]]
    latency_ms: npt.NDArray[np.float64]
    environment: Mapping[str, str]
    board: Mapping[str, str] | None = None


class Backend(ABC):
    """A way to run a model. A context manager: what it holds, it holds no longer than that."""

    name: ClassVar[str]
    needs_kmodel: ClassVar[bool]

    def __enter__(self) -> Self:
        return self

    def __exit__(  # noqa: B027  most backends hold nothing
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of what the backend holds."""

    def deliverable(self, contract: InputContract, inputs: Images) -> Images:  # noqa: ARG002
        """Return the inputs as they can reach the model: what no backend may see otherwise."""
        return inputs

    @abstractmethod
    def run(self, subject: Subject, inputs: Images, progress: Progress = SILENT) -> BackendResult:
        """Run uint8 [N, C, H, W] through the model.

        Raises:
            UsageError: The inputs are not what the contract says.
        """


def check_inputs(contract: InputContract, inputs: Images) -> None:
    """Make sure that a batch is what a contract says.

    Raises:
        UsageError: It is not.
    """
    if inputs.dtype != np.uint8 or inputs.shape[1:] != contract.shape:
        raise UsageError(
            f"inputs are {inputs.dtype} {list(inputs.shape)}, "
            f"not uint8 [N, {', '.join(map(str, contract.shape))}]"
        )
