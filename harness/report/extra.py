"""The optional dependencies of the report, and what a user reads when they are missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from harness.errors import HarnessError

_CAUSE = "the HTML report needs {}, which is not installed"
_REMEDY = "pip install 'k210-harness[report]'"


def check_report_extra() -> None:
    """Make sure that a report can be written, without importing what it needs.

    Raises:
        HarnessError: The extra `report` is not installed.
    """
    for name in ("jinja2", "matplotlib"):
        if find_spec(name) is None:
            raise HarnessError(_CAUSE.format(name), _REMEDY)


@contextmanager
def report_extra() -> Iterator[None]:
    """Turn a failed import of the extra `report` into an error with its remedy.

    Raises:
        HarnessError: What is imported inside the context is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise HarnessError(_CAUSE.format(error.name), _REMEDY) from error
