"""Which firmware can load a kmodel, and what it leaves free for one.

Sources: MaixPy-v1 `Kconfig` (`CONFIG_MICROPYTHON_KMODEL_V4_SUPPORT`) and its release notes, CanMV
1.0 `runtime/model.h`, kendryte-standalone-sdk `lib/nncase/v0`, `lib/nncase/v1`. Figures of free
memory depend on the build, the camera, the screen and the running script; each profile says where
its own comes from and how far that can be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.errors import UsageError
from harness.kmodel.program import Program

MIB = 1024 * 1024

Confidence = Literal["documented", "reported", "assumed"]
Api = Literal["maixpy", "canmv"]


@dataclass(frozen=True)
class Firmware:
    """A stock firmware.

    Attributes:
        name: What `--firmware` takes.
        versions: Kmodel versions that it loads, the preferred one last.
        api: Which KPU module its scripts import: MaixPy's `KPU` or CanMV's `maix.KPU`.
        heap: Bytes free for a model: its file and its tensors.
        heap_source: Where that figure comes from.
        heap_confidence: Whether it is documented by the makers, reported by users, or assumed.
        most_file: Largest file in bytes, or None where no limit is known.
    """

    name: str
    versions: tuple[Literal[3, 4], ...]
    api: Api
    heap: int
    heap_source: str
    heap_confidence: Confidence
    most_file: int | None


# Between where models are usually flashed (0x300000) and the file system (0xD00000).
_FLASH = 0xD00000 - 0x300000

FIRMWARES: dict[str, Firmware] = {
    firmware.name: firmware
    for firmware in (
        Firmware(
            "maixpy-0.4",
            (3,),
            "maixpy",
            3_460_000,
            "MaixPy-v1 issue 180: free before a model was loaded, on an M5StickV",
            "reported",
            _FLASH,
        ),
        Firmware(
            "maixpy-0.5",
            (3, 4),
            "maixpy",
            2_050_000,
            "MaixPy-v1 issue 422: free with the IDE connected; kmodel v4 from 0.5.1 on",
            "reported",
            _FLASH,
        ),
        Firmware(
            "maixpy-0.6",
            (3, 4),
            "maixpy",
            2 * MIB,
            "MaixPy documentation: about 2 MiB beside the full firmware",
            "documented",
            _FLASH,
        ),
        Firmware(
            "maixpy-0.6-minimum",
            (3,),
            "maixpy",
            4 * MIB,
            "MaixPy documentation: about 4 MiB beside the minimum firmware",
            "documented",
            _FLASH,
        ),
        Firmware(
            "canmv-1.0",
            (3, 4),
            "canmv",
            2 * MIB,
            "no figure is published: as the full firmware of MaixPy",
            "assumed",
            _FLASH,
        ),
    )
}


def firmware_named(name: str) -> Firmware:
    """Return a profile.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in FIRMWARES:
        raise UsageError(f"there is no firmware {name!r}", f"choose from: {', '.join(FIRMWARES)}")
    return FIRMWARES[name]


_SDK = "kendryte-standalone-sdk"
_LOADERS = {
    3: ("MaixPy, every build", "CanMV K210 1.0", _SDK),
    4: ("MaixPy 0.5.1 and newer with kmodel v4 support (not *_minimum)", "CanMV K210 1.0", _SDK),
}


def loaders(program: Program) -> tuple[str, ...]:
    """Return the firmwares that load a program's file, one line each."""
    if program.version in _LOADERS:
        return _LOADERS[program.version]
    groups = " or ".join(program.candidates)
    return (f"{_SDK} 0.5.7 and newer, with an nncase {groups} runtime",)
