"""The run folder: what may be written where, and how a stranger's folder is kept safe."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from harness.errors import RunFolderError
from harness.files import write_bytes, write_json, write_text
from harness.report.schema import HTML_FILE, REPORT_FILE

# Names the folder as ours, and says so to whoever opens it.
MARKER = ".k210-run"
_MARKER_TEXT = "This folder belongs to k210-harness; k210 run and k210 compare may write into it.\n"
_LOCK_TIMEOUT_S = 1


class RunFolder:
    """One folder that the harness writes to, file by file, each whole or absent.

    `report.json` is written last: a folder without it is an unfinished run, which the same
    command takes up again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Make a run folder, or take up one that is there.

        Raises:
            RunFolderError: The path holds something else, or cannot be written.
        """
        cls.check(path)
        try:
            write_text(path / MARKER, _MARKER_TEXT)
        except OSError as error:
            raise RunFolderError(f"{path} cannot be written: {error.strerror}") from error
        return cls(path)

    @staticmethod
    def check(path: Path) -> None:
        """Make sure that a path may become a run folder; nothing is written.

        Raises:
            RunFolderError: It holds something else.
        """
        if path.exists() and not path.is_dir():
            raise RunFolderError(f"{path} is a file", "name a new folder with --out")
        if path.is_dir() and any(path.iterdir()) and not (path / MARKER).is_file():
            raise RunFolderError(
                f"{path} exists and is not a run: nothing was written",
                "name a new or empty folder with --out",
            )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes out for as long as the context lasts.

        Raises:
            RunFolderError: Another process is in it.
        """
        try:
            with FileLock(self.path / ".lock", timeout=_LOCK_TIMEOUT_S):
                yield
        except Timeout as error:
            raise RunFolderError(
                f"another process is writing to {self.path}", "wait for it, or name another folder"
            ) from error

    def forget_report(self) -> None:
        """Remove the report of an earlier run, which other files will soon contradict."""
        for name in (REPORT_FILE, HTML_FILE):
            (self.path / name).unlink(missing_ok=True)

    def write_outputs(self, backend: str, outputs: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Write `outputs/<backend>/<output>.npy`."""
        folder = self.path / "outputs" / backend
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in outputs.items():
            write_array(folder / f"{file_name(name)}.npy", array)

    def write_items(self, items: list[dict[str, Any]]) -> None:
        """Write `items.jsonl`, one JSON object a line."""
        lines = (json.dumps(item, ensure_ascii=False, allow_nan=False) for item in items)
        write_text(self.path / "items.jsonl", "".join(f"{line}\n" for line in lines))

    def write_pictures(self, pictures: Mapping[str, tuple[bytes, str, str]]) -> None:
        """Write `pictures/` and its index.

        Args:
            pictures: File name → (PNG bytes, caption, what it shows).
        """
        folder = self.path / "pictures"
        for name, (data, _, _) in pictures.items():
            write_bytes(folder / name, data)
        index = [
            {"file": name, "caption": caption, "shows": shows}
            for name, (_, caption, shows) in pictures.items()
        ]
        write_json(folder / "index.json", index)


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write one `.npy` file, whole or not at all."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_bytes(path, buffer.getvalue())


def file_name(text: str) -> str:
    """Return a text as a file name: separators and other awkward characters become `_`."""
    return "".join(char if char.isalnum() or char in "-._" else "_" for char in text) or "_"
