"""Compiled models kept by content: the same model, options and images compile once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from harness.files import cache_folder, write_bytes

# Changes whenever what is kept, or how the compiler is called, changes.
_FORMAT = "4"


def key(parts: Mapping[str, bytes]) -> str:
    """Return one hash over named parts; no two different sets of parts share it."""
    digest = hashlib.sha256(_FORMAT.encode())
    for name, data in sorted(parts.items()):
        digest.update(json.dumps([name, len(data)]).encode())
        digest.update(data)
    return digest.hexdigest()


class CompileCache:
    """Named files under a key. An entry is whole or absent: its index is written last."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or cache_folder() / "compiled"

    def get(self, entry: str) -> dict[str, bytes] | None:
        """Return the files of an entry, or None when it is missing or damaged."""
        folder = self._folder / entry
        try:
            index = json.loads((folder / "index.json").read_bytes())
            files = {name: (folder / name).read_bytes() for name in index}
        except (OSError, ValueError):
            return None
        whole = all(hashlib.sha256(files[name]).hexdigest() == index[name] for name in index)
        return files if whole else None

    def put(self, entry: str, files: Mapping[str, bytes]) -> None:
        """Keep files under a key."""
        folder = self._folder / entry
        for name, data in files.items():
            write_bytes(folder / name, data)
        index = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        write_bytes(folder / "index.json", json.dumps(index).encode())
