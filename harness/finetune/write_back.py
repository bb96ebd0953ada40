"""Trained numbers back into a file, and the proof that the file does what was trained."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.errors import SimulationError
from harness.finetune.module import TrainableProgram
from harness.kmodel import load, save
from harness.simulator import Simulator


def write_back(module: TrainableProgram, inputs: Tensor) -> bytes:
    """Return the file of a trained module, in the version that its program has.

    Args:
        module: What was trained.
        inputs: A batch on which file and module are compared to the bit.

    Raises:
        ConversionError: The format cannot express the program.
        SimulationError: The file does something else than the module, which is a fault of ours.
    """
    data = save(module.trained())
    with torch.no_grad():
        trained = module(inputs)
    written = Simulator(load(data), module.rules)(inputs)
    for name, expected in trained.items():
        if not torch.equal(written[name].to(expected.dtype), expected.cpu()):
            raise SimulationError(
                f"output {name} of the written kmodel is not that of the trained module",
                "report this with the model; nothing was written",
            )
    return data
