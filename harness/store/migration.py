"""Versions of the store, and the way from one to the next, by Alembic."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_SCRIPTS = Path(__file__).resolve().parent / "migrations"


def version(connection: Connection) -> str | None:
    """Return the version of a store; None where nothing is."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def newest() -> str:
    """Return the version that this package writes."""
    head = _scripts().get_current_head()
    assert head is not None
    return head


def knows(revision: str) -> bool:
    """Return whether there is a way from a version to the newest."""
    return any(one.revision == revision for one in _scripts().walk_revisions())


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring a store to a version, within the connection's transaction."""
    configuration = Config()
    configuration.set_main_option("script_location", str(_SCRIPTS))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, to)


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_SCRIPTS))
