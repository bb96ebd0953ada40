"""Files: written so that a reader never meets half of one, and where things are kept."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

CACHE_VARIABLE = "K210_CACHE_DIR"


def cache_folder() -> Path:
    """Return the harness's cache folder: K210_CACHE_DIR, or the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser().absolute() if named else user_cache_path("k210-harness")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file under a temporary name and rename it, so that it is whole or absent.

    A full disk or a crash leaves the old file, or none, and no temporary one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write_beside(path, data)
    except OSError as error:  # which knows the temporary name only
        error.filename = str(path)
        raise


def _write_beside(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)  # noqa: PTH101  mkstemp gives 0600, too tight for a result
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401  any JSON value
    """Write a JSON file that people can read, whole or not at all.

    Raises:
        ValueError: The value holds a NaN or an infinity, which JSON has no word for.
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
