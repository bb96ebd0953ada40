"""kflash as a subprocess: its arguments, its progress, its time limit, its errors in one line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from harness.board.flash import layout
from harness.board.lock import PortLock
from harness.errors import BoardError, UsageError
from harness.progress import SILENT, Progress

BOARDS = ("dan", "bit", "bit_mic", "kd233", "goE", "goD", "maixduino", "trainer")
# kflash reaches 10 KiB/s where it is slow (LoBo MicroPython issue 13); this is half of it.
_SLOWEST_BYTES_PER_S = 5000
_START_S = 120.0
_PERCENT = re.compile(r"(Downloading ISP|Programming BIN): \|[=\-]*\| ([\d.]+)%")
# kflash 1.1.6 leaves a block out that the chip has refused, or sends it to the next address.
REFUSED = ("Failed, retry", "Data checksum error")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_REMEDIES = (
    ("Greeting fail", "the chip does not enter its boot ROM",
     "name the board with --kind, or hold BOOT while you press reset"),
    ("No vaild Kendryte", "the chip does not enter its boot ROM",
     "name the board with --kind, or hold BOOT while you press reset"),
    ("K210's Stub", "the flash program does not start on the chip", "use --baud 115200"),
    ("initialize flash", "the flash chip does not answer", "try --chip 0"),
    ("Error Count Exceeded", "blocks arrive damaged", "use --baud 115200 and another cable"),
    *((word, "the chip refused a block, and what is on it now is not to be used",
       "flash it again, with --baud 115200 and another cable") for word in REFUSED),
    ("Failed to reboot", "the board was written, but does not start again", "press its reset"),
    ("Permission denied", "the port belongs to somebody else", "k210 doctor"),
    ("could not open port", "the port cannot be opened", "k210 board list"),
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """How kflash is to reach the chip.

    Attributes:
        port: Where the board is.
        kind: Its wiring, one of `BOARDS`; None lets kflash try them.
        baud: Speed of the flash program; the boot ROM speaks 115200.
        chip: 1 for the flash chip that boards have, 0 for one inside.
        limit: Seconds; None for a limit by size.
    """

    port: str
    kind: str | None = None
    baud: int = 115200
    chip: int = 1
    limit: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in (None, *BOARDS):
            raise UsageError(f"kflash knows no board {self.kind!r}", f"there are: {BOARDS}")
        if self.chip not in (0, 1):
            raise UsageError(f"there is no flash chip {self.chip}", "1, or 0")


def flash_firmware(file: Path, settings: Settings, progress: Progress = SILENT) -> None:
    """Write a firmware's .bin to the beginning of the flash chip.

    Raises:
        BoardError: kflash is missing, fails, or is not done in time.
        UsageError: The file is no firmware of that size.
    """
    size = _size(file)
    if zipfile.is_zipfile(file):
        raise UsageError(f"{file} is an archive", "unpack it, and flash its .bin files one by one")
    layout.check_firmware(size)
    _run(file, size, settings, progress)


def flash_model(
    file: Path,
    address: int,
    settings: Settings,
    progress: Progress = SILENT,
    firmware_bytes: int = 0,
) -> None:
    """Write a kmodel to an address of the flash chip, for `KPU.load(address)`.

    Args:
        file: The kmodel.
        address: Where to.
        settings: How to reach the chip.
        progress: Who is told.
        firmware_bytes: Of the firmware on the chip; 0 where it is not known.

    Raises:
        BoardError: kflash is missing, fails, or is not done in time.
        UsageError: The address is not safe.
        KModelError: The file is no kmodel.
    """
    from harness.kmodel import load

    size = _size(file)
    layout.check_model(address, size, firmware_bytes)
    load(file)
    with _package(file, address) as package:
        _run(package, size, settings, progress)


def _size(file: Path) -> int:
    if not file.is_file():
        raise UsageError(f"there is no file {file}", "name a firmware's .bin, or a .kmodel")
    return file.stat().st_size


@contextmanager
def _package(file: Path, address: int) -> Iterator[Path]:
    """Pack a file with its address as kflash wants it (.kfpkg: a zip with a flash-list.json)."""
    with tempfile.TemporaryDirectory(prefix="k210-flash-") as folder:
        package = Path(folder) / "model.kfpkg"
        # kflash rewrites the line of the address by a pattern: it has to be followed by a comma.
        entry = {"address": address, "bin": "model.bin", "sha256Prefix": False}
        listing = {"version": "0.1.0", "files": [entry]}
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("flash-list.json", json.dumps(listing, indent=1))
            archive.write(file, "model.bin")
        yield package


def _run(file: Path, size: int, settings: Settings, progress: Progress) -> None:
    if find_spec("kflash") is None:
        raise BoardError("kflash is not installed", "pip install 'k210-harness[board]'")
    limit = settings.limit or _START_S + size / _SLOWEST_BYTES_PER_S
    with PortLock(settings.port), progress.task(f"flash {file.name}", 200) as task:
        process = subprocess.Popen(
            _command(file, settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        late = threading.Event()
        timer = threading.Timer(limit, _end, (process, late))
        timer.start()
        said, done = "", 0
        try:
            assert process.stdout
            while piece := process.stdout.read1(4096):  # type: ignore[attr-defined]
                said += _COLOURS.sub("", piece.decode(errors="replace"))
                now = _progress(said)
                task.advance(now - done)
                done = now
            process.wait()
        finally:
            timer.cancel()
            process.kill()
            process.communicate()
    if late.is_set():
        raise BoardError(
            f"flashing {settings.port} was not done after {limit:g} s", "try --baud 115200",
            output=said,
        )  # fmt: skip
    if process.returncode or any(word in said for word in REFUSED):
        raise _failure(settings.port, said)


def _end(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()


def _command(file: Path, settings: Settings) -> list[str]:
    command = [sys.executable, "-u", "-m", "harness.board.flash.launcher", "-n"]
    command += ["-p", settings.port, "-b", str(settings.baud), "-f", str(settings.chip)]
    command += ["-B", settings.kind] if settings.kind else []
    return [*command, str(file)]


def _progress(said: str) -> int:
    """Return how far it is: 100 for the flash program on the chip, 200 for the whole."""
    found = _PERCENT.findall(said)
    if not found:
        return 0
    stage, percent = found[-1]
    return int(float(percent)) + (100 if stage == "Programming BIN" else 0)


def _failure(port: str, said: str) -> BoardError:
    for word, cause, remedy in _REMEDIES:
        if word in said:
            return BoardError(f"flashing {port} failed: {cause}", remedy, output=said)
    lines = [line.strip() for line in re.split(r"[\r\n]+", said) if line.strip()]
    last = lines[-1][-160:] if lines else "it said nothing"
    return BoardError(f"flashing {port} failed: {last}", "k210 board list", output=said)
