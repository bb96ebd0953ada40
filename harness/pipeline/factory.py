"""The user's own module: `package.module:factory` on the command line."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable
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
    except HarnessError:
        raise
    except (Exception, SystemExit) as error:
        raise MethodError(
            f"{spec} cannot be imported: {_said(error)}",
            "check the name: this folder and what is installed are searched",
        ) from error
    ready = isinstance(factory, nn.Module) or not callable(factory)
    made = factory if ready else _call(factory, spec)
    if not isinstance(made, nn.Module):
        raise MethodError(f"{spec} returned {type(made).__name__}", "return a torch.nn.Module")
    return made.eval()


def _call(factory: Callable[[], object], spec: str) -> object:
    """Call a factory without arguments.

    Raises:
        MethodError: It needs some, or it fails.
    """
    try:
        inspect.signature(factory).bind()
    except TypeError as error:
        raise MethodError(
            f"{spec} cannot be called without arguments: {error}",
            "give its arguments defaults, or wrap it in a function that takes none",
        ) from error
    except ValueError:  # some callables of C tell no signature
        pass
    try:
        return factory()
    except HarnessError:
        raise
    except (Exception, SystemExit) as error:
        raise MethodError(
            f"{spec} failed: {_said(error)}{_place(error)}", "mend the factory, or what it calls"
        ) from error


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _place(error: BaseException) -> str:
    """Return the line at which an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


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
