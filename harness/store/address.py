"""Where a store is: the path of an SQLite file, or the URL of a PostgreSQL."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from harness.errors import StoreError

VARIABLE = "K210_STORE"
DEFAULT = "k210.sqlite"
# Pure Python, and of a licence that suits everybody.
_POSTGRESQL_DRIVER = "pg8000"


@dataclass(frozen=True)
class Address:
    """One store.

    Attributes:
        url: For SQLAlchemy.
        path: The SQLite file; None for PostgreSQL.
    """

    url: URL
    path: Path | None

    def __str__(self) -> str:
        """Return what a person may see: a password is not shown."""
        return str(self.path) if self.path else self.url.render_as_string(hide_password=True)


def parse(text: str | None) -> Address:
    """Read a store's address.

    Args:
        text: A path, `sqlite:///path`, or `postgresql://user:password@host/database`; None for
            K210_STORE, or else `k210.sqlite` in the working directory.

    Raises:
        StoreError: It is a URL of something else, or the driver is not installed.
    """
    text = text or os.environ.get(VARIABLE) or DEFAULT
    if "://" not in text:
        return _file(Path(text))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise StoreError(f"{text!r} is no address of a store", _REMEDY) from error
    kind = url.get_backend_name()
    if kind == "sqlite" and url.database:
        return _file(Path(url.database))
    if kind not in ("postgresql", "postgres"):
        raise StoreError(f"a store cannot be at {kind}://", _REMEDY)
    if find_spec(_POSTGRESQL_DRIVER) is None:
        raise StoreError("PostgreSQL needs a driver", "pip install 'k210-harness[postgresql]'")
    return Address(url.set(drivername=f"postgresql+{_POSTGRESQL_DRIVER}"), None)


_REMEDY = "give the path of an SQLite file, or postgresql://user:password@host/database"


def _file(path: Path) -> Address:
    return Address(URL.create("sqlite", database=str(path)), path)
