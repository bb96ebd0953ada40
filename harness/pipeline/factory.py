"""The user's own module: `package.module:factory` on the command line."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError, MethodError
from harness.method import Deployable, EvaluationSet, InputContract, Tolerance

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import nn

    Images = npt.NDArray[np.uint8]


def load_module(spec: str) -> nn.Module:
    """Import `package.module:factory`, call the factory and return its module.

    The current folder is searched first, as `python -m` does.

    Raises:
        MethodError: Any step of this fails.
    """
    from torch import nn

    module_name, separator, attribute = spec.partition(":")
    if not separator or not module_name or not attribute:
        raise MethodError(f"{spec!r} does not name a factory", "write it as package.module:factory")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
        made = factory() if callable(factory) and not isinstance(factory, nn.Module) else factory
    except HarnessError:
        raise
    except (Exception, SystemExit) as error:
        raise MethodError(
            f"{spec} failed: {type(error).__name__}: {error}",
            "check the name, and that the factory takes no arguments",
        ) from error
    if not isinstance(made, nn.Module):
        raise MethodError(f"{spec} returned {type(made).__name__}", "return a torch.nn.Module")
    return made.eval()


def output_names(module: nn.Module, contract: InputContract) -> tuple[str, ...]:
    """Name the outputs of a bare module by position."""
    from harness.compiler.export import run_once

    count = len(run_once(module, contract))
    return ("output",) if count == 1 else tuple(f"output_{index}" for index in range(count))


def deployable_of(
    module: nn.Module,
    name: str,
    contract: InputContract,
    calibration: Images,
    evaluation: EvaluationSet,
    tolerance: Tolerance,
) -> Deployable:
    """Wrap a bare module: outputs are named by position, each judged by the same tolerance."""
    outputs = output_names(module, contract)
    return Deployable(
        name=name,
        module=module,
        contract=contract,
        outputs=outputs,
        calibration=calibration,
        evaluation=evaluation,
        tolerance=dict.fromkeys(outputs, tolerance),
    )
