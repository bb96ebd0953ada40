"""What a firmware offers to transfers and long scripts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Abilities:
    """Names that the board found when it was asked (`on_board.ABILITIES`).

    Attributes:
        names: Such as "base64", "sha256".
    """

    names: frozenset[str]

    @property
    def base64(self) -> bool:
        """Whether `ubinascii` has base64; else blocks travel as Python literals."""
        return "base64" in self.names

    @property
    def sha256(self) -> bool:
        """Whether `uhashlib.sha256` takes data in pieces and is right; else CRC32 is taken."""
        return "sha256" in self.names

    @property
    def compile(self) -> bool:
        """Whether code can be compiled under a file name of its own."""
        return "compile" in self.names

    @property
    def rename(self) -> bool:
        """Whether files can be renamed, and so appear whole or not at all."""
        return "rename" in self.names

    @property
    def stat(self) -> bool:
        """Whether files are asked for their size with `os.stat`."""
        return "stat" in self.names

    @property
    def statvfs(self) -> bool:
        """Whether file systems tell how much room they have."""
        return "statvfs" in self.names

    @property
    def receiver(self) -> bool:
        """Whether `device_scripts/receiver.py` finds what it needs."""
        return {"base64", "repl_uart", "rename", "stat"} <= self.names

    @property
    def deflate(self) -> bool:
        """Whether `uzlib` unpacks raw deflate."""
        return "deflate" in self.names
