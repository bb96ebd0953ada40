"""The optional dependencies of the report, and what a user reads when they are missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.errors import HarnessError


@contextmanager
def report_extra() -> Iterator[None]:
    """Turn a failed import of the extra `report` into an error with its remedy.

    Raises:
        HarnessError: What is imported inside the context is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise HarnessError(
            f"the HTML report needs {error.name}, which is not installed",
            "pip install 'k210-harness[report]'",
        ) from error
