"""What a result depends on besides model and data."""

from __future__ import annotations

import os
import platform
from importlib import metadata

import harness

_PACKAGES = ("torch", "numpy", "onnx", "pillow")


def environment() -> dict[str, str]:
    """Return versions and machine, by name."""
    return {
        "k210-harness": harness.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count() or 0),
        **{name: metadata.version(name) for name in _PACKAGES},
    }
