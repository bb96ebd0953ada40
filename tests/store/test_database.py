"""A store is opened whole, brought up to date whole, or refused; what fails changes nothing."""

import sqlite3
import subprocess
import sys

import pytest
from sqlalchemy import text

from harness.errors import StoreError
from harness.store import migration, reading
from harness.store.address import parse
from harness.store.database import Store
from harness.store.run_files import read_run
from harness.store.writing import add_run
from tests.store.folders import write_run


def test_what_migrations_make_is_what_the_tables_say(any_store):
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from harness.store.tables import Base

    with any_store.reading() as session:
        context = MigrationContext.configure(session.connection())
        assert compare_metadata(context, Base.metadata) == []
        assert migration.version(session.connection()) == migration.newest()


def test_a_store_that_is_not_there_is_not_made_by_reading(path):
    with pytest.raises(StoreError, match="there is no store"), Store.open(str(path)):
        pass
    assert not path.exists()


def test_a_newer_store_is_refused_and_left_alone(store, path):
    with store.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = path.read_bytes()
    with pytest.raises(StoreError, match="version 9999"), Store.open(str(path)):
        pass
    assert path.read_bytes() == before


def test_a_migration_that_fails_leaves_the_store_as_it_was(path, monkeypatch):
    def half(connection):
        connection.execute(text("CREATE TABLE half (a INTEGER)"))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(migration, "upgrade", half)
    with pytest.raises(StoreError, match="No space left"), Store.open(str(path), create=True):
        pass
    assert sqlite3.connect(path).execute("SELECT name FROM sqlite_master").fetchall() == []


def test_files_of_others_are_refused(tmp_path):
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear store, " * 200)
    for place, said in ((other, "other tables"), (letter, "not a database"), (tmp_path, "folder")):
        with pytest.raises(StoreError, match=said), Store.open(str(place), create=True):
            pass


def test_a_full_disk_loses_nothing(store, tmp_path):
    add_run(store, read_run(write_run(tmp_path / "a", "a") / "report.json"))
    files = read_run(write_run(tmp_path / "b", "b", items=4000, data_seed=2) / "report.json")

    def limit(pages):
        with store.reading() as session:
            session.execute(text(f"PRAGMA max_page_count = {pages}"))

    limit(1)  # SQLite takes the smallest that holds what there is
    with pytest.raises(StoreError, match=r"disk is full → make room; nothing was changed"):
        add_run(store, files)
    assert [run.run_id for run in reading.runs(store)] == ["a"]
    limit(1_000_000)
    assert add_run(store, files) == "added"


_WRITER = """
import sys
from pathlib import Path
from harness.store.database import Store
from harness.store.run_files import read_run
from harness.store.writing import add_run
with Store.open(sys.argv[1], create=True) as store:
    for folder in sys.argv[2:]:
        add_run(store, read_run(Path(folder) / "report.json"))
"""


def test_writers_at_once_lose_nothing(path, tmp_path):
    folders = [write_run(tmp_path / f"r{index}", f"r{index}", seed=index) for index in range(12)]
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, path, *folders[start : start + 6]])
        for start in (0, 3, 6)
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    with Store.open(str(path)) as store:
        assert sorted(run.run_id for run in reading.runs(store)) == sorted(f.name for f in folders)


def test_a_writer_that_waits_too_long_says_who_to_wait_for(path, monkeypatch, tmp_path):
    monkeypatch.setattr("harness.store.database.BUSY_S", 0.1)
    files = read_run(write_run(tmp_path / "a", "a") / "report.json")
    with Store.open(str(path), create=True) as first, Store.open(str(path)) as second:
        with first.writing(), pytest.raises(StoreError, match="another program holds the store"):
            add_run(second, files)
        assert add_run(second, files) == "added"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mysql://a/b", "mysql"),
        ("postgresql://a:b:c@:x/", "no address"),
        ("http://x", "cannot be at http"),
    ],
)
def test_what_is_no_store_is_refused(address, said):
    with pytest.raises(StoreError, match=said):
        parse(address)


def test_a_password_is_not_shown(monkeypatch):
    monkeypatch.setattr("harness.store.database.BUSY_S", 2)
    url = "postgresql://lab:secret@127.0.0.1:1/k210"
    with pytest.raises(StoreError, match="cannot be reached") as caught, Store.open(url):
        pass
    assert "secret" not in str(caught.value)


def test_the_default_is_the_variable_or_a_file_here(monkeypatch, tmp_path):
    monkeypatch.delenv("K210_STORE", raising=False)
    assert str(parse(None)) == "k210.sqlite"
    monkeypatch.setenv("K210_STORE", str(tmp_path / "lab.db"))
    assert parse(None).path == tmp_path / "lab.db"
    assert parse("sqlite:///here.db").path.name == "here.db"


def test_an_older_store_is_brought_up_to_date_with_all_that_it_holds(path, tmp_path, monkeypatch):
    monkeypatch.setattr(migration, "newest", lambda: "0001")
    upgrade = migration.upgrade
    monkeypatch.setattr(migration, "upgrade", lambda connection: upgrade(connection, "0001"))
    files = read_run(write_run(tmp_path / "a", "a") / "report.json")
    with Store.open(str(path), create=True) as old:
        add_run(old, files)
    tables = sqlite3.connect(path).execute("SELECT name FROM sqlite_master").fetchall()
    assert ("activity",) not in tables
    monkeypatch.undo()
    with Store.open(str(path)) as store:
        assert reading.report(store, "a") == files.report
        assert reading.items(store, "a") == files.items
        with store.reading() as session:
            assert migration.version(session.connection()) == migration.newest() != "0001"
