"""The handshake: what a board is, and which kmodels it loads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.board import on_board
from harness.board.board import Board
from harness.board.discovery import usb_serial_number
from harness.board.files import FileSystem, file_systems
from harness.errors import BoardError
from harness.kmodel import load
from harness.kmodel.memory import Memory
from harness.kmodel.program import Program

# Modules that K210 firmwares have and the harness's scripts use.
MODULES = (
    "ubinascii", "ustruct", "uhashlib", "uzlib", "uctypes", "machine", "image", "sensor", "lcd",
)  # fmt: skip
# A module that virtual boards have, and no firmware.
VIRTUAL = "k210_virtual"


@dataclass(frozen=True)
class BoardInfo:
    """What a board says of itself.

    Attributes:
        port: Where it is.
        kind: "virtual" where the module is there that only virtual boards have, or the port is
            a pseudo-terminal, which no hardware is on; "remote" behind a network port, where
            hardware and emulators look alike; else "real".
        firmware: As `os.uname()` gives it: release or build, date.
        machine: Board and chip, as the firmware names them.
        micropython: `sys.implementation.version`; MaixPy puts its own version there.
        platform: `sys.platform`.
        heap_free: Bytes free on the garbage-collected heap.
        heap_total: Bytes of that heap.
        system_heap: Bytes free for models, where the firmware tells.
        file_systems: What is mounted.
        kpu_api: Module that runs models: "KPU" (MaixPy), "maix.KPU" (CanMV), or None.
        kpu_functions: What it offers.
        kmodel_versions: Versions that it loads. MaixPy's minimum builds look like full ones, but
            refuse version 4 when they load it.
        modules: Which of the modules that the harness's scripts use are there.
        unique_id: Of the chip, hexadecimal, where the firmware tells.
        usb_serial: Serial number of the USB bridge, where it has one.
    """

    port: str
    kind: str
    firmware: str
    machine: str
    micropython: str
    platform: str
    heap_free: int
    heap_total: int
    system_heap: int | None
    file_systems: tuple[FileSystem, ...]
    kpu_api: str | None
    kpu_functions: tuple[str, ...]
    kmodel_versions: tuple[int, ...]
    modules: tuple[str, ...]
    unique_id: str | None
    usb_serial: str | None

    @property
    def serial_number(self) -> str | None:
        """What tells this board from another of its kind."""
        return self.unique_id or self.usb_serial

    @property
    def identity(self) -> dict[str, str]:
        """What results of this board may not be mixed with: another kind, firmware, or board.

        The port is not part of it: a board that is plugged in again may have another.
        """
        return {
            "kind": self.kind,
            "firmware": self.firmware,
            "machine": self.machine,
            "serial_number": self.serial_number or "",
        }

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return asdict(self)

    def need_kpu(self) -> None:
        """Refuse a board whose firmware runs no models.

        Raises:
            BoardError: It has no KPU module.
        """
        if not self.kmodel_versions:
            raise BoardError(
                f"the firmware on {self.port} ({self.firmware}) has no KPU module",
                "flash MaixPy or CanMV for K210",
            )

    def refuse_unloadable(self, kmodel: bytes | Program, path: str = "model.kmodel") -> None:
        """Refuse a kmodel that the firmware cannot load, before anything is sent.

        Args:
            kmodel: The file's bytes, or what `harness.kmodel.load` makes of them.
            path: Where the user has it.

        Raises:
            BoardError: The firmware has no KPU module, does not load that version, or has no
                room for it in memory.
            KModelError: It is no kmodel.
        """
        program = load(kmodel) if isinstance(kmodel, bytes) else kmodel
        self.need_kpu()
        if program.version not in self.kmodel_versions:
            known = " and ".join(f"v{version}" for version in self.kmodel_versions)
            best = max(self.kmodel_versions)
            raise BoardError(
                f"the firmware on {self.port} loads kmodel {known}, "
                f"and this is a v{program.version}",
                f"k210 convert {path} {path.removesuffix('.kmodel')}.v{best}.kmodel --to v{best}",
            )
        if len(program.outputs) > 1 and "get_output" not in self.kpu_functions:
            raise BoardError(
                f"the firmware on {self.port} hands out one output, and the model has "
                f"{len(program.outputs)}",
                "join them in the model, or run it once for each with Program.until",
            )
        self._refuse_large(program)

    def _refuse_large(self, program: Program) -> None:
        if self.system_heap is None:
            return
        needed = len(program.data) + program.pool_bytes(Memory.MAIN)
        if needed > self.system_heap:
            raise BoardError(
                f"the kmodel needs {needed} bytes of memory, and the board on {self.port} has "
                f"{self.system_heap} left",
                "reset the board, lower Maix.utils.gc_heap_size, or take a smaller model",
            )


def ask(board: Board) -> BoardInfo:
    """Ask a board what it is.

    Raises:
        BoardError: It does not answer.
    """
    board.need(on_board.TRIED)

    def tried(expression: str) -> Any:  # noqa: ANN401  whatever the board says
        return board.eval(f"_k210t(lambda:{expression})")

    board.exec("import gc,os,sys;gc.collect()")
    _, _, release, version, machine = tried("tuple(os.uname())") or ("", "", "", "", "")
    free, used = board.eval("(gc.mem_free(),gc.mem_alloc())")
    functions = {
        "KPU": tried("dir(__import__('KPU'))"),
        "maix.KPU": tried("dir(__import__('maix').KPU)"),
    }
    api = next((name for name, found in functions.items() if found), None)
    offered = tuple(name for name in functions[api] if name[0] != "_") if api else ()
    url = board.repl.line.url
    return BoardInfo(
        port=url,
        kind=_kind(bool(tried(f"bool(__import__({VIRTUAL!r}))")), url),
        firmware=version or release,
        machine=machine,
        micropython=".".join(map(str, board.eval("tuple(sys.implementation[1])"))),
        platform=board.eval("sys.platform"),
        heap_free=free,
        heap_total=free + used,
        system_heap=tried("__import__('Maix').utils.heap_free()"),
        file_systems=file_systems(board),
        kpu_api=api,
        kpu_functions=offered,
        kmodel_versions=versions(api, offered),
        modules=tuple(name for name in MODULES if tried(f"bool(__import__({name!r}))")),
        unique_id=tried(
            "str(__import__('ubinascii').hexlify(__import__('machine').unique_id()),'utf-8')"
        ),
        usb_serial=usb_serial_number(url),
    )


def _kind(says_so: bool, url: str) -> str:
    if says_so or Path(url).resolve().is_relative_to("/dev/pts"):
        return "virtual"
    return "remote" if "://" in url else "real"


def versions(api: str | None, functions: tuple[str, ...]) -> tuple[int, ...]:
    """Return the kmodel versions that a firmware loads, by the functions of its KPU module."""
    # MaixPy got kmodel v4 together with set_outputs, which v4 needs; source: Maix_kpu.c.
    if api == "maix.KPU" or "set_outputs" in functions:
        return 3, 4
    return (3,) if api else ()
