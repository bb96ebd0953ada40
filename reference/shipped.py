"""Where the trained weights of the methods lie: in an installed package, or in the repository."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def weights_file(name: str) -> Path:
    """Return the path of a file of trained weights, such as `simgan.safetensors`."""
    packaged = _HERE / "weights"
    folder = packaged if packaged.is_dir() else _HERE.parent / "fixtures" / "weights"
    return folder / name
