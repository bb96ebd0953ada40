"""The board's file systems: /flash and /sd, each a folder of the host."""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from harness.board.virtual.faults import BoardFault, os_fault

FLASH_BYTES = 3 * 1024 * 1024
SD_BYTES = 8 * 1024**3
BLOCK_BYTES = 4096
DIRECTORY, FILE = 0x4000, 0x8000
MODES = {"r": "rb", "w": "wb", "a": "ab", "x": "xb"}
PLUS_MODES = {"r": "r+b", "w": "w+b", "a": "a+b", "x": "x+b"}


class Files:
    """Paths, folders and open files.

    Args:
        roots: Host folder of each file system by its name, such as flash.
    """

    def __init__(self, roots: dict[str, Path]) -> None:
        self.roots = roots
        self._sizes = {"flash": FLASH_BYTES, "sd": SD_BYTES}
        self._open: dict[int, tuple[BinaryIO, str]] = {}
        self._next = 1
        self.cwd = "/"
        self.restart()

    def restart(self) -> None:
        """Close what a program left open, and go where the firmware starts."""
        for file, _ in self._open.values():
            file.close()
        self._open.clear()
        self.cwd = "/sd" if "sd" in self.roots else "/flash"

    def shrink(self, system: str, free: int) -> None:
        """Let a file system have no more than so many bytes free from now on."""
        if system in self.roots:
            self._sizes[system] += min(0, free - self._free(system))

    def absolute(self, path: str) -> str:
        """Return a path from the root."""
        return posixpath.normpath(posixpath.join(self.cwd, path))

    def host(self, path: str) -> Path:
        """Return where a board's path lies on the host.

        Raises:
            BoardFault: It is in no file system.
        """
        absolute = self.absolute(path)
        name, _, rest = absolute.strip("/").partition("/")
        if name not in self.roots:
            raise os_fault(errno.ENOENT)
        return self.roots[name] / rest if rest else self.roots[name]

    def read_bytes(self, path: str) -> bytes:
        """Return a whole file.

        Raises:
            BoardFault: There is none.
        """
        try:
            return self.host(path).read_bytes()
        except OSError as error:
            raise os_fault(error.errno) from error

    def file_open(self, path: str, mode: str = "r") -> int:
        """Open a file and return its number."""
        kind = mode[:1]
        modes = PLUS_MODES if "+" in mode else MODES
        if kind not in modes:
            raise BoardFault("ValueError", "invalid mode")
        try:
            file = cast(BinaryIO, self.host(path).open(modes[kind]))
        except IsADirectoryError as error:
            raise os_fault(errno.EISDIR) from error
        except OSError as error:
            raise os_fault(error.errno) from error
        number, self._next = self._next, self._next + 1
        self._open[number] = file, self.absolute(path).strip("/").partition("/")[0]
        return number

    def file_read(self, number: int, count: int) -> bytes:
        """Read bytes; -1 for all."""
        return self._reading(number).read(count)

    def file_readline(self, number: int, limit: int) -> bytes:
        """Read up to the end of a line."""
        return self._reading(number).readline(limit)

    def file_write(self, number: int, data: bytes) -> int:
        """Write bytes, as far as the file system has room."""
        file, system = self._open[number]
        if len(data) > self._free(system):
            raise os_fault(errno.ENOSPC)
        try:
            file.write(data)
            file.flush()
        except OSError as error:
            raise os_fault(error.errno or errno.EBADF) from error
        return len(data)

    def file_seek(self, number: int, offset: int, whence: int) -> int:
        """Go to a place and return it."""
        return self._open[number][0].seek(offset, whence)

    def file_flush(self, number: int) -> None:
        """Nothing waits to be written."""

    def file_close(self, number: int) -> None:
        """Close a file."""
        self._open.pop(number)[0].close()

    def _reading(self, number: int) -> BinaryIO:
        file = self._open[number][0]
        if not file.readable():
            raise os_fault(errno.EBADF)
        return file

    def listing(self, path: str) -> list[tuple[str, int, int, int]]:
        """Return name, kind, 0 and size of each entry, as `ilistdir` gives them."""
        if self.absolute(path or ".") == "/":
            return [(name, DIRECTORY, 0, 0) for name in self.roots]
        folder = self._checked(path or ".")
        if not folder.is_dir():
            raise os_fault(errno.ENOENT)
        # In the order in which they were written, as SPIFFS and FAT find them.
        children = sorted(
            folder.iterdir(), key=lambda child: (child.stat().st_ctime_ns, child.name)
        )
        return [_entry(child) for child in children]

    def stat(self, path: str) -> list[int]:
        """Return mode, size and times, in the places of `os.stat`."""
        if self.absolute(path) == "/":
            return [DIRECTORY, *[0] * 9]
        found = self._checked(path)
        info = found.stat()
        if found.is_dir():
            return [DIRECTORY, *[0] * 9]
        when = int(info.st_mtime)
        return [FILE, 0, 0, 0, 0, 0, info.st_size, when, when, when]

    def statvfs(self, path: str) -> list[int]:
        """Return sizes in blocks, in the places of `os.statvfs`."""
        self._checked(path) if self.absolute(path) != "/" else None
        system = self.absolute(path).strip("/").partition("/")[0] or "flash"
        free = self._free(system) // BLOCK_BYTES
        total = self._sizes[system] // BLOCK_BYTES
        return [BLOCK_BYTES, BLOCK_BYTES, total, free, free, 0, 0, 0, 0, 128]

    def remove(self, path: str) -> None:
        """Delete a file."""
        self._do(os.remove, self._checked(path))

    def rename(self, old: str, new: str) -> None:
        """Move a file within its file system; the firmware removes what has the new name before."""
        source, target = self._checked(old), self.host(new)
        if target != source and target.exists():
            self._do(os.remove, target)
        self._do(os.rename, source, target)

    def mkdir(self, path: str) -> None:
        """Make a folder; SPIFFS has none."""
        if self.absolute(path).startswith("/flash"):
            raise os_fault(errno.EPERM)
        self._do(os.mkdir, self.host(path))

    def rmdir(self, path: str) -> None:
        """Delete an empty folder."""
        self._do(os.rmdir, self._checked(path))

    def chdir(self, path: str) -> None:
        """Go into a folder."""
        if self.absolute(path) != "/" and not self._checked(path).is_dir():
            raise os_fault(errno.ENOENT)
        self.cwd = self.absolute(path)

    def getcwd(self) -> str:
        """Return the folder that a program is in."""
        return self.cwd

    def find_module(self, name: str, paths: list[str]) -> str | None:
        """Return the path of a module's file, looked for in the order of `sys.path`."""
        for folder in [*paths, self.cwd, "/flash"]:
            path = self.absolute(posixpath.join(folder, f"{name}.py"))
            try:
                if self.host(path).is_file():
                    return path
            except BoardFault:
                continue
        return None

    def file(self, path: str) -> bytes:
        """Return a whole file, to be run."""
        return self.read_bytes(path)

    def _checked(self, path: str) -> Path:
        found = self.host(path)
        if not found.exists():
            raise os_fault(errno.ENOENT)
        return found

    def _do(self, action: Callable[..., object], *paths: Path) -> None:
        try:
            action(*paths)
        except OSError as error:
            raise os_fault(error.errno) from error

    def _free(self, system: str) -> int:
        taken = sum(
            -(-path.stat().st_size // BLOCK_BYTES) * BLOCK_BYTES
            for path in self.roots[system].rglob("*")
            if path.is_file()
        )
        return max(0, self._sizes[system] - taken)


def _entry(path: Path) -> tuple[str, int, int, int]:
    if path.is_dir():
        return path.name, DIRECTORY, 0, 0
    return path.name, FILE, 0, path.stat().st_size
