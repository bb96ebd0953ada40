"""Starts and ends virtual boards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.board.recovery import quarantine
from harness.board.virtual import installation
from harness.board.virtual import profile as profiles
from harness.board.virtual.fault_plan import Fault, parse
from harness.board.whereabouts import Identity, find
from harness.errors import BoardError, UsageError
from harness.files import cache_folder
from harness.timing.profile import read_law

START_LIMIT_S = 30.0
END_LIMIT_S = 5.0
DEFAULT_BAUD = 115200

Files = Mapping[str, bytes | str | Path]


class VirtualBoard:
    """A running virtual board. It ends with `close`, or with the process that started it.

    Attributes:
        port: Path of the pseudo-terminal, to be opened like a serial port at 115200 baud; another
            after it was unplugged.
        name: What it is known by wherever its port is, see `harness.board.whereabouts`.
        profile: Which board and firmware it is a copy of.
        pid: Of its process.
        flash: Host folder that is /flash.
        sd: Host folder that is /sd; None without a card.
        lcd: Host folder that pictures of the display go to; None when they go nowhere.
        spi: Host file that takes what programs send over SPI.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        port: str,
        profile: profiles.Profile,
        folders: dict[str, Path | None],
        temporary: Path | None,
        name: str,
    ) -> None:
        self._process, self._temporary = process, temporary
        self.name, self.profile, self.pid = name, profile, process.pid
        self._first_port, self._fault_log = port, folders["fault_log"]
        self.flash, self.sd, self.lcd = folders["flash"], folders["sd"], folders["lcd"]
        self.spi = folders["spi"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def port(self) -> str:
        """Where it is now."""
        return find(Identity("virtual", self.name)) or self._first_port

    @property
    def power_command(self) -> str:
        """A command that takes its power away and gives it back, for the power hook."""
        return f"kill -USR1 {self.pid}"

    def strikes(self) -> list[dict[str, Any]]:
        """Return the faults that have struck, in order: number, kind, unit, at, what."""
        if self._fault_log is None or not self._fault_log.exists():
            return []
        return [json.loads(line) for line in self._fault_log.read_text("utf-8").splitlines()]

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process.poll() is None

    def wait(self) -> int:
        """Wait until its process ends, and return its exit code."""
        return self._process.wait()

    def button(self, name: str, down: bool) -> None:
        """Press or release a button, A or B.

        Raises:
            UsageError: There is no such button.
        """
        if name not in ("A", "B"):
            raise UsageError(f"the board has no button {name!r}", "there are A and B")
        self._order({"button": name, "down": down})

    def press_reset(self) -> None:
        """Press the reset button."""
        self._order({"reset": True})

    def kill(self) -> None:
        """Take the board away as if its cable were pulled."""
        self._process.kill()
        self._process.wait(END_LIMIT_S)

    def _order(self, order: dict[str, Any]) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise BoardError("the virtual board has ended", "start another") from error

    def close(self) -> None:
        """End the board, and delete the folders that were made for it."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.kill()
        if self._process.stdout:
            self._process.stdout.close()
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)


def start(
    profile: str = profiles.DEFAULT,
    files: Files | Path | None = None,
    *,
    cache: Path | None = None,
    frames: Path | None = None,
    lcd: Path | None = None,
    card: bool = True,
    baud: int = DEFAULT_BAUD,
    faults: Sequence[Fault | str] = (),
    fault_log: Path | None = None,
    timing: Path | None = None,
) -> VirtualBoard:
    """Start a virtual board.

    Args:
        profile: Name of a profile, see `harness.board.virtual.profile`.
        files: What its file systems hold: contents (or host files) by path, such as
            `{"/sd/model.kmodel": path}`; or a host folder with `flash/` and `sd/` in it, which
            the board then writes to.
        cache: Where MicroPython lies; the harness's cache folder if left out.
        frames: Folder of pictures that the camera sees, in turn.
        lcd: Folder that pictures of the display go to.
        card: Whether an SD card is in.
        baud: 115200; 0 for a line on which bytes take no time.
        faults: What goes wrong, see `harness.board.virtual.fault_plan`.
        fault_log: File that takes a line of JSON for each fault that strikes; one beside its files
            if left out.
        timing: Timing profile of `k210 fit`, by which models take their time; None for the
            published figures. On a line without a pace the host does not wait for that time: the
            board's clock alone moves on.

    Raises:
        UsageError: A profile, file or folder does not exist.
        SetupError: MicroPython or Node is missing.
        BoardError: The process does not start.
    """
    chosen = profiles.get(profile)
    known_by = uuid.uuid4().hex[:12]
    plan = [parse(fault) if isinstance(fault, str) else fault for fault in faults]
    more = ["--name", known_by, *_wishes(baud, plan, timing)]
    if frames and not frames.is_dir():
        raise UsageError(f"there is no folder {frames}", "name a folder of pictures")
    node = installation.find_node()
    package = installation.ensure(chosen.engine, cache or cache_folder())
    root, temporary = _root(files)
    folders: dict[str, Path | None] = {
        "flash": root / "flash",
        "sd": root / "sd" if card else None,
        "lcd": lcd,
        "spi": root / "spi.bin",
        "fault_log": fault_log or (root / "faults.jsonl" if plan else None),
    }
    try:
        for name in ("flash", "sd", "lcd"):
            if folder := folders[name]:
                folder.mkdir(parents=True, exist_ok=True)
        process, port = _launch(chosen, node, package, folders, frames, more)
    except BaseException:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)
        raise
    return VirtualBoard(process, port, chosen, folders, temporary, known_by)


def _wishes(baud: int, plan: Sequence[Fault], timing: Path | None) -> list[str]:
    """Return the options of the board's process for its line, its faults and its pace."""
    if baud not in (0, DEFAULT_BAUD):
        raise UsageError(
            f"a board does not start at {baud} baud", "it starts at 115200; 0 is without a pace"
        )
    if timing is not None:
        read_law(timing)
    return [
        *(["--unpaced"] if baud == 0 else []),
        *(word for fault in plan for word in ("--fault", str(fault))),
        *(["--timing", str(timing)] if timing is not None else []),
    ]


def _root(files: Files | Path | None) -> tuple[Path, Path | None]:
    if isinstance(files, Path):
        if not files.is_dir():
            raise UsageError(f"there is no folder {files}", "name one with flash/ and sd/ in it")
        return files, None
    root = Path(tempfile.mkdtemp(prefix="k210-virtual-"))
    try:
        for name, content in (files or {}).items():
            _put(root, name, content)
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise
    return root, root


def _put(root: Path, name: str, content: bytes | str | Path) -> None:
    system, _, rest = name.strip("/").partition("/")
    if system not in ("flash", "sd", "image") or not rest or ".." in Path(rest).parts:
        remedy = "begin with /flash/ or /sd/, or /image/0x300000 for an address of the flash chip"
        raise UsageError(f"{name!r} is no file of a board", remedy)
    target = root / system / rest
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Path):
        shutil.copyfile(content, target)
    else:
        target.write_bytes(content.encode() if isinstance(content, str) else content)


def _launch(
    profile: profiles.Profile,
    node: Path,
    package: Path,
    folders: dict[str, Path | None],
    frames: Path | None,
    more: Sequence[str],
) -> tuple[subprocess.Popen[bytes], str]:
    command = [sys.executable, "-m", "harness.board.virtual.server", "--profile", profile.name]
    given = {"node": node, "package": package, "frames": frames, **folders}
    for name, path in given.items():
        if path:
            command += [f"--{name}", str(path.absolute())]
    command += more
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
        # Ctrl-C on the terminal is for the program that uses the board.
        start_new_session=True,
    )
    told = _first_line(process)
    quarantine.release(told["port"])  # the name may have been that of an earlier board
    return process, told["port"]


def _first_line(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    import select

    assert process.stdout
    if select.select([process.stdout], [], [], START_LIMIT_S)[0]:
        line = process.stdout.readline()
        if line:
            told: dict[str, Any] = json.loads(line)
            return told
    process.kill()
    process.wait(END_LIMIT_S)
    raise BoardError(
        f"the virtual board did not start within {START_LIMIT_S:g} s",
        "see what its process wrote to stderr; `k210 doctor` says what is missing",
    )
