"""Which board and firmware the virtual board is a copy of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.errors import UsageError

Engine = Literal["emterpreted", "modern"]

HEAP_BYTES = 512 * 1024
# Modules of MaixPy that the engine lacks, or has otherwise, by the name that programs import.
# `k210_virtual` says that this is no hardware, whatever the rest claims to be.
COMMON = ("k210_virtual", "micropython", "os", "time", "ubinascii")
MAIXPY = (
    *COMMON,
    "KPU",
    "Maix",
    "board",
    "fpioa_manager",
    "image",
    "lcd",
    "machine",
    "sensor",
)
M5STACK_BANNER = r"""
 __  __              _____  __   __  _____   __     __
|  \/  |     /\     |_   _| \ \ / / |  __ \  \ \   / /
| \  / |    /  \      | |    \ V /  | |__) |  \ \_/ /
| |\/| |   / /\ \     | |     > <   |  ___/    \   /
| |  | |  / ____ \   _| |_   / . \  | |         | |
|_|  |_| /_/    \_\ |_____| /_/ \_\ |_|         |_|

M5StickV by M5Stack : https://m5stack.com/
M5StickV Wiki       : https://docs.m5stack.com
Co-op by Sipeed     : https://www.sipeed.com
"""


@dataclass(frozen=True)
class Profile:
    """One firmware on one board.

    Attributes:
        name: What a user asks for.
        board: The board's name.
        engine: Which MicroPython: `emterpreted` is v1.10-352 of May 2019, `modern` is 1.26.
        version: The firmware's version as three numbers.
        release: The firmware's version as text.
        machine: Board and chip, as the firmware names them.
        kmodel_versions: What `KPU.load` accepts.
        missing: What modules of the firmware lack, by module.
        garbled_errors: Whether `KPU.load` puts freed memory into its messages.
        modules: Modules beyond the engine's own.
        clock_lines: What the firmware says about its clocks before anything else.
        heap_line: What it says about MicroPython's heap, at each start.
        start_text: What its start script prints.
        free_bytes: Memory for models and their data.
        size: Width and height of the display.
    """

    name: str
    board: str
    engine: Engine
    version: tuple[int, int, int]
    release: str
    machine: str
    kmodel_versions: tuple[int, ...] = (3, 4)
    modules: tuple[str, ...] = MAIXPY
    clock_lines: tuple[str, ...] = ()
    heap_line: str = "[MaixPy] gc heap=0x80215060-0x80295060(524288)"
    start_text: str = M5STACK_BANNER
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"KPU": ("check",)})
    garbled_errors: bool = False
    free_bytes: int = 3_500_000
    size: tuple[int, int] = (240, 135)

    @property
    def banner(self) -> str:
        """First line of the REPL."""
        return f"MicroPython {self.release}; {self.machine}"

    @property
    def uname(self) -> tuple[str, str, str, str, str]:
        """Fields of `os.uname()`."""
        number = ".".join(map(str, self.version))
        return "MaixPy", "MaixPy", number, self.release, self.machine

    def soft_boot(self, models: int) -> str:
        """Return what a soft reset prints before MicroPython starts.

        Args:
            models: How many were loaded; newer firmware prints a line for each that it frees.
        """
        freed = "kpu_net __del__\r\n" * models if self.version >= (0, 6, 0) else ""
        return f"[MaixPy]: soft reboot\r\n{freed}{self.heap_line}\r\n"

    @property
    def hard_boot(self) -> str:
        """What a reset prints before MicroPython starts; the first byte is noise of the reset."""
        return "\x0e\r\n" + "".join(f"{line}\r\n" for line in (*self.clock_lines, self.heap_line))


def _clocks(mark: str, cpu: int, kpu: int) -> tuple[str, ...]:
    named = ("Pll0", 2 * cpu), ("Pll1", kpu), ("Pll2", 45066666), ("cpu", cpu), ("kpu", kpu)
    return (*(f"{mark}{name}:freq:{hertz}" for name, hertz in named), f"{mark}Flash:0xef:0x17")


OLD_M5STICKV = Profile(
    name="m5stickv-0.4.0",
    board="M5StickV",
    engine="emterpreted",
    version=(0, 4, 0),
    release="v0.4.0-52-g3b8c18b84-dirty on 2019-10-21",
    machine="M5Stick-V with Kendryte K210",
    kmodel_versions=(3,),
    clock_lines=(*_clocks("[MAIXPY]", 416000000, 398666666), "open second core..."),
    heap_line="gc heap=0x80215060-0x80295060",
    missing={
        "KPU": ("set_outputs", "get_output", "load_flash"),
        "Maix": ("utils", "config"),
    },
    garbled_errors=True,
)
M5STICKV = Profile(
    name="m5stickv-0.6",
    board="M5StickV",
    engine="emterpreted",
    version=(0, 6, 3),
    release="v0.6.3-virtual on 2022-09-30",
    machine="M5StickV (virtual board) with kendryte-k210",
    clock_lines=_clocks("[MAIXPY] ", 416000000, 398666666),
)
BIT = Profile(
    name="bit",
    board="Maix Bit",
    engine="emterpreted",
    version=(0, 6, 3),
    release="v0.6.3-virtual on 2022-09-30",
    machine="Sipeed_M1 (virtual board) with kendryte-k210",
    clock_lines=_clocks("[MAIXPY] ", 403000000, 398666666),
    start_text="",
    free_bytes=2_000_000,
    size=(320, 240),
)
CANMV = Profile(
    name="canmv",
    board="CanMV K210",
    engine="emterpreted",
    version=(1, 0, 7),
    release="v1.0.7-virtual on 2025-05-09",
    machine="CanMV Board (virtual board) with kendryte-k210",
    modules=(*(name for name in MAIXPY if name != "KPU"), "maix"),
    clock_lines=_clocks("[CANMV] ", 403000000, 398666666),
    start_text="",
    free_bytes=2_000_000,
    size=(320, 240),
)
MODERN = Profile(
    name="modern",
    board="M5StickV",
    engine="modern",
    version=(0, 6, 3),
    release="v1.26.0-virtual on 2025-08-09",
    machine="M5StickV (virtual board, current MicroPython) with kendryte-k210",
    clock_lines=_clocks("[MAIXPY] ", 416000000, 398666666),
)
PROFILES = {profile.name: profile for profile in (M5STICKV, OLD_M5STICKV, BIT, CANMV, MODERN)}
DEFAULT = M5STICKV.name


def get(name: str) -> Profile:
    """Return a profile by name.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in PROFILES:
        known = ", ".join(PROFILES)
        raise UsageError(f"the virtual board has no profile {name!r}", f"there are: {known}")
    return PROFILES[name]
