"""What nncase can be asked to do, and how each failure of it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.compiler.worker.process import TimedOutError, WorkerDiedError, WorkerProcess
from harness.compiler.worker.protocol import Frame
from harness.compiler.worker.results import Array
from harness.errors import CompileError, HarnessError, SetupError, SimulationError


@dataclass(frozen=True)
class Activity:
    """One kind of request.

    Attributes:
        doing: What nncase does meanwhile, as a participle.
        error: What its failure is raised as.
        remedy: What to do when nncase dies of it; `{folder}` is the environment's folder.
    """

    doing: str
    error: type[HarnessError]
    remedy: str

    def request(
        self,
        process: WorkerProcess,
        message: Mapping[str, Any],
        arrays: Mapping[str, Array],
        limit_s: float,
    ) -> Frame:
        """Send a request and return its answer.

        Raises:
            HarnessError: Of class `error`: nncase refused (its text is the cause, unchanged),
                died, or ran past the limit. nncase's own output is in `output`.
        """
        try:
            reply = process.exchange(message, arrays, limit_s)
        except TimedOutError as error:
            raise self.error(
                f"nncase was stopped: it was still {self.doing} after {limit_s:g} s",
                "allow it more time, or use a smaller model",
                output=error.output,
            ) from error
        except WorkerDiedError as error:
            raise self.error(
                f"nncase {error.how} while {self.doing}",
                self._remedy(process, error.how),
                output=error.output,
            ) from error
        if "error" in reply.message:
            raise self.error(reply.message["error"], output=process.output)
        return reply

    def _remedy(self, process: WorkerProcess, how: str) -> str:
        if "SIGKILL" in how:
            return "it was probably out of memory: close other programs, or use a smaller model"
        return self.remedy.format(folder=process.environment.folder)


STARTING = Activity("starting", SetupError, "delete the folder {folder}, then run `k210 setup`")
COMPILING = Activity(
    "compiling",
    CompileError,
    "check that the model file is whole; nncase's own output tells which step it was at",
)
LOADING = Activity(
    "loading a kmodel",
    SimulationError,
    "check that the file is whole; a truncated or damaged kmodel crashes nncase",
)
SIMULATING = Activity("simulating", SimulationError, LOADING.remedy)
