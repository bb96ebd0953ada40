"""Stores of both kinds: an SQLite file, and a real PostgreSQL where one is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness.store.database import Store

_VERSIONS = Path("/usr/lib/postgresql")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.sqlite"


@pytest.fixture
def store(path):
    with Store.open(str(path), create=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def server():
    """The URL of a PostgreSQL server of our own, on the loopback address."""
    found = sorted(_VERSIONS.glob("*/bin/pg_ctl")) if _VERSIONS.is_dir() else []
    if not found:
        pytest.skip("PostgreSQL is not installed")
    # Not below pytest's folders: those are closed to all users but one.
    with tempfile.TemporaryDirectory(prefix="k210-postgresql-") as folder:
        yield from _running(found[-1].parent, Path(folder))


def _running(binaries: Path, folder: Path):
    data, port = folder / "data", _free_port()
    as_user = _not_as_root(folder)
    _call([*as_user, binaries / "initdb", "-D", data, "-U", "lab", "-A", "trust", "-N"])
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    control = [*as_user, binaries / "pg_ctl", "-D", data, "-w", "-t", "60"]
    _call([*control, "-o", options, "-l", folder / "log", "start"])
    yield f"postgresql://lab@127.0.0.1:{port}/postgres"
    _call([*control, "-m", "immediate", "stop"])


@pytest.fixture(params=["sqlite", "postgresql"])
def any_store(request, path):
    """An empty store of each kind."""
    if request.param == "sqlite":
        with Store.open(str(path), create=True) as opened:
            yield opened
        return
    url = request.getfixturevalue("server")
    _empty(url)
    with Store.open(url, create=True) as opened:
        yield opened


def _not_as_root(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid():
        return []
    shutil.chown(folder, "postgres")
    return ["runuser", "-u", "postgres", "--"]


def _call(command: list[object]) -> None:
    subprocess.run(
        [str(part) for part in command], check=True, timeout=120, stdout=subprocess.DEVNULL
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _empty(url: str) -> None:
    from sqlalchemy import create_engine, text

    from harness.store.address import parse

    engine = create_engine(parse(url).url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
