"""The MicroPython scripts in `device_scripts/`, from the installation or the repository."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from harness.errors import BoardError

FOLDER = "device_scripts"
REPOSITORY = Path(__file__).resolve().parents[2]


def script(name: str) -> str:
    """Return the text of a script, such as "infer.py".

    Raises:
        BoardError: There is none of that name.
    """
    for place in (resources.files("harness") / FOLDER / name, REPOSITORY / FOLDER / name):
        if place.is_file():
            return place.read_text("utf-8")
    raise BoardError(f"device script {name} is missing", "install k210-harness again")
