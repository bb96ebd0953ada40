"""One interface over the ways to run a deployable: PyTorch, simulators, boards."""

from __future__ import annotations

from harness.backends.base import Backend, BackendResult, Subject
from harness.backends.board import BoardBackend
from harness.backends.floating import FloatBackend
from harness.backends.kpu import KpuBackend
from harness.backends.nncase import NncaseBackend
from harness.errors import UsageError

__all__ = ["Backend", "BackendResult", "Subject", "get", "names"]

_BACKENDS: dict[str, type[Backend]] = {
    "float": FloatBackend,
    "nncase": NncaseBackend,
    "kpu": KpuBackend,
    "board": BoardBackend,
}


def names() -> tuple[str, ...]:
    """Return the backends there are, in the order in which reports show them."""
    return tuple(_BACKENDS)


def get(name: str) -> Backend:
    """Return a backend by name.

    Raises:
        UsageError: There is no such backend.
    """
    if name not in _BACKENDS:
        raise UsageError(f"there is no backend {name!r}", f"choose from: {', '.join(_BACKENDS)}")
    return _BACKENDS[name]()
