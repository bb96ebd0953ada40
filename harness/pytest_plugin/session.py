"""What the fixture `k210` is: comparisons for tests, with their run folders kept by pytest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness.compare import Comparison
from harness.errors import UsageError
from harness.method import EvaluationSet, InputContract, Tolerance
from harness.pipeline.factory import deployable_of, load_module
from harness.pipeline.run import RunRequest, execute
from harness.pytest_plugin.gating import SessionGate

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import nn

    Images = npt.NDArray[np.uint8]


class Session:
    """Comparisons in tests.

    Every comparison writes a run folder, whose `report.html` is there after the tests to see
    why one failed: pytest keeps the folders of the last three sessions.
    """

    def __init__(self, folders: pytest.TempPathFactory, gate: SessionGate, board: str) -> None:
        self._folders, self._gate, self._board = folders, gate, board

    def compare(
        self,
        module: nn.Module | str,
        *,
        inputs: Images | str | Path,
        calibration: Images | str | Path | None = None,
        contract: InputContract | None = None,
        candidate: str = "nncase",
        reference: str = "float",
    ) -> Comparison:
        """Compile a module for the K210 and compare a backend with another.

        Args:
            module: The module, or `package.module:factory`.
            inputs: uint8 [N, C, H, W], or a path of pictures or of an .npy file.
            calibration: The same, for quantisation; None takes the inputs.
            contract: Which bytes the module eats; None for RGB (or gray) in 0…1 of the inputs'
                size, which then have to be an array.
            candidate: Backend to judge; `board` is the one that `--board` means.
            reference: Backend taken as right.

        With `--k210-gate` the run is held against a baseline, too, and fails the test where it
        is worse.
        """
        contract = contract or _contract_of(inputs)
        ids, images = _images(inputs, contract)
        name = module if isinstance(module, str) else type(module).__name__
        deployable = deployable_of(
            load_module(module) if isinstance(module, str) else module.eval(),
            name,
            contract,
            images if calibration is None else _images(calibration, contract)[1],
            EvaluationSet(ids, images),
            Tolerance(),
        )
        request = RunRequest(
            method=name,
            backends=(reference, candidate),
            data="a test's inputs",
            board=self._board,
        )
        out = self._folders.mktemp("k210") / "run"
        comparison = execute(deployable, out, request).comparisons[0]
        self._gate.judge(out)
        return comparison

    def gate(self, folder: str | Path) -> None:
        """Hold a run folder that a test has made against a baseline, as `--k210-gate` says.

        Without that option nothing is judged.
        """
        self._gate.judge(Path(folder))


def _contract_of(inputs: Images | str | Path) -> InputContract:
    if isinstance(inputs, (str, Path)):
        raise UsageError("a folder of pictures needs a contract", "give contract=InputContract(…)")
    _, channels, height, width = inputs.shape
    return InputContract((channels, height, width), color="GRAY" if channels == 1 else "RGB")


def _images(inputs: Images | str | Path, contract: InputContract) -> tuple[tuple[str, ...], Images]:
    if isinstance(inputs, (str, Path)):
        from harness.data.images import read_inputs

        ids, images = read_inputs(Path(inputs), contract)
        return tuple(ids), images
    return tuple(str(index) for index in range(len(inputs))), inputs
