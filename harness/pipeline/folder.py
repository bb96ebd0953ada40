"""The run folder: what may be written where, and how a stranger's folder is kept safe."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from harness.compiler.contract import CONTRACT_FILE, KMODEL_FILE, ONNX_FILE, stock_file
from harness.errors import RunFolderError
from harness.files import write_bytes, write_json, write_text
from harness.report.schema import BLAME_FILE, HTML_FILE, REPORT_FILE

# Names the folder as ours, and says so to whoever opens it.
MARKER = ".k210-run"
LOCK = ".lock"
_MARKER_TEXT = "This folder belongs to k210-harness, which may write into it.\n"
_LOCK_TIMEOUT_S = 1
# What a run writes; an earlier run's would contradict a later one's.
_RESULTS = (
    BLAME_FILE,
    REPORT_FILE,
    HTML_FILE,
    CONTRACT_FILE,
    KMODEL_FILE,
    stock_file(3),
    stock_file(4),
    ONNX_FILE,
    "fixed",
    "items.jsonl",
    "layers",
    "log.txt",
    "outputs",
    "pictures",
)


class RunFolder:
    """One folder that the harness writes to, file by file, each whole or absent.

    `report.json` is written last: a folder without it is an unfinished run, which the same
    command takes up again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    @contextmanager
    def claim(cls, path: Path) -> Iterator[RunFolder]:
        """Make a run folder, or take up one that is there, and keep other processes out of it.

        When the work fails before it has written anything, a folder that was made for it goes.

        Raises:
            RunFolderError: The path holds something else, cannot be written, or another process
                is writing to it.
        """
        check_folder(path)
        made = _missing(path)
        try:
            write_text(path / MARKER, _MARKER_TEXT)
        except OSError as error:
            _remove(made)
            raise RunFolderError(f"{path} cannot be written: {error.strerror}") from error
        try:
            with _locked(path):
                yield cls(path)
        except BaseException:
            if {entry.name for entry in path.iterdir()} <= {MARKER, LOCK} and made:
                (path / MARKER).unlink(missing_ok=True)
                (path / LOCK).unlink(missing_ok=True)
                _remove(made)
            raise

    def forget_results(self) -> None:
        """Remove what an earlier run wrote; trainings and their checkpoints stay."""
        for name in _RESULTS:
            entry = self.path / name
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)

    def write_outputs(self, backend: str, outputs: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Write `outputs/<backend>/<output>.npy`.

        Raises:
            RunFolderError: Two outputs would get the same file name.
        """
        names = {name: f"{file_name(name)}.npy" for name in outputs}
        if len(set(names.values())) < len(names):
            raise RunFolderError(
                f"the outputs {', '.join(names)} are too alike for file names", "rename one"
            )
        for name, array in outputs.items():
            write_array(self.path / "outputs" / backend / names[name], array)

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


def check_folder(path: Path) -> None:
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
def _locked(path: Path) -> Iterator[None]:
    try:
        with FileLock(path / LOCK, timeout=_LOCK_TIMEOUT_S):
            yield
    except Timeout as error:
        raise RunFolderError(
            f"another process is writing to {path}", "wait for it, or name another folder"
        ) from error


def _missing(path: Path) -> list[Path]:
    """Return the folders that have to be made for a path, the deepest first."""
    return [folder for folder in (path, *path.parents) if not folder.exists()]


def _remove(folders: list[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
