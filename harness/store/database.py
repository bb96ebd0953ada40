"""Open a store, make sure that it is of this version, and turn what goes wrong into one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from harness.errors import StoreError
from harness.store import migration
from harness.store.address import Address, parse

# How long a writer waits for another one.
BUSY_S = 30
_WRITES = "k210_writes"
# Any number that no other program takes for its own lock in the same database.
_ADVISORY_LOCK = 0x6B323130


class Store:
    """An open store.

    Attributes:
        address: Where it is.
    """

    def __init__(self, address: Address, engine: Engine) -> None:
        self.address, self._engine = address, engine

    @classmethod
    @contextmanager
    def open(cls, where: str | None = None, *, create: bool = False) -> Iterator[Store]:
        """Open a store; an older one is brought up to date, in one step or not at all.

        Args:
            where: See `harness.store.address.parse`.
            create: Whether to make one where there is none.

        Raises:
            StoreError: There is none, it cannot be reached, is something else, or of a newer
                version.
        """
        address = parse(where)
        _check_file(address, create)
        # sqlite3 waits so long for a lock, pg8000 for an answer.
        engine = create_engine(address.url, connect_args={"timeout": BUSY_S})
        if address.path:
            _set_up_sqlite(engine)
        store = cls(address, engine)
        try:
            with store._said(), store._begin(writes=True) as connection:
                _bring_up_to_date(connection, store.address)
            yield store
        finally:
            engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session to read with: all of it sees the same state."""
        with self._said(), self._begin(writes=False) as connection, Session(connection) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session to write with: all that it does is kept, or nothing.

        Raises:
            StoreError: Another writer holds the store for too long, the disk is full, or the
                database refuses.
        """
        with self._said(), self._begin(writes=True) as connection, Session(connection) as session:
            yield session
            session.flush()

    @contextmanager
    def _begin(self, *, writes: bool) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            connection = connection.execution_options(**{_WRITES: writes})
            with connection.begin():
                yield connection

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Turn what the database says into one line with a remedy."""
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            raise _as_store_error(error, self.address) from error


def _check_file(address: Address, create: bool) -> None:
    path = address.path
    if path is None:
        return
    if path.is_dir():
        raise StoreError(f"{path} is a folder, not a store", "name a file, such as k210.sqlite")
    if path.exists() or create:
        path.parent.mkdir(parents=True, exist_ok=True)
        return
    raise StoreError(f"there is no store at {path}", f"k210 store import RUN --store {path}")


def _set_up_sqlite(engine: Engine) -> None:
    """Let SQLAlchemy begin transactions, not sqlite3, so that a writer locks before it reads."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:  # noqa: ANN401  sqlite3's
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _bring_up_to_date(connection: Connection, address: Address) -> None:
    if address.path is None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    found = migration.version(connection)
    if found == migration.newest():
        return
    if found is None and set(inspect(connection).get_table_names()) - {"alembic_version"}:
        raise StoreError(f"{address} holds other tables, not a store", "name another file")
    if found is not None and not migration.knows(found):
        raise StoreError(
            f"{address} is of version {found}, which this k210-harness does not know",
            "take a newer k210-harness, or another store",
        )
    migration.upgrade(connection)


def _as_store_error(error: SQLAlchemyError | OSError, address: Address) -> StoreError:
    said = str(error.orig if isinstance(error, DBAPIError) else error).splitlines()[0]
    for known, remedy in _REMEDIES.items():
        if known in said:
            return StoreError(f"{address}: {said}", remedy)
    if isinstance(error, OperationalError | InterfaceError | OSError) and not address.path:
        return StoreError(
            f"{address} cannot be reached: {said}", "is the server up, and the URL right?"
        )
    return StoreError(f"{address}: {said}", "nothing was changed")


_REMEDIES = {
    "disk is full": "make room; nothing was changed",
    "database is locked": "another program holds the store: wait for it; nothing was changed",
    "not a database": "name another file",
    "malformed": "the file is damaged: take a copy of it, or import the run folders anew",
    "readonly": "give the permission to write; nothing was changed",
    "unable to open": "check the path and its permissions",
}
