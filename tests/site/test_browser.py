"""The site in a real browser, on a desk and on a phone: nothing broken, all of it reachable.

Playwright drives Debian's Chromium, and axe-core judges contrast and structure (WCAG 2.1 A, AA).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.site.build import build
from harness.store.database import Store
from tests.site.conftest import put_run

_TOOLS = Path(__file__).with_name("browser")
_RUNS = 500
_LIMIT_S = 2.0


def _missing(what: str) -> None:
    """A machine without a browser skips; CI installs one, and does not."""
    if os.environ.get("CI"):
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="session")
def audit(tmp_path_factory):
    """Look at pages in Chromium: addresses → what was found on each, twice."""
    chromium, node, npm = (shutil.which(name) for name in ("chromium", "node", "npm"))
    if not (chromium and node and npm):
        _missing("no chromium, node or npm on PATH to open the site with")
    folder = tmp_path_factory.mktemp("browser")
    for name in ("package.json", "package-lock.json", "audit.mjs"):
        shutil.copy(_TOOLS / name, folder)
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=240)
    if done.returncode:
        _missing(f"npm cannot fetch the browser's driver: {done.stderr.splitlines()[:1]}")

    def look(*pages: Path) -> list[dict]:
        command = [node, "audit.mjs", chromium, *(page.as_uri() for page in pages)]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return look


def test_pages_have_no_fault_that_a_browser_or_axe_finds(audit, made):
    site = made / "site"
    hostile = next(site.glob("runs/*script*.html"))
    pages = site / "index.html", site / "methods" / "coin_classifier.html", site / "runs/run-7.html"
    for found in audit(*pages, hostile):
        for kind in ("errors", "missing", "keyboard", "violations"):
            assert found[kind] == [], (found["url"], found["width"])
        assert found["sideways"] <= 0, (found["url"], found["width"])


@pytest.mark.slow
def test_five_hundred_runs_open_in_two_seconds(audit, tmp_path):
    with Store.open(str(tmp_path / "many.sqlite"), create=True) as store:
        for index in range(_RUNS):
            name, method = f"run-{index:03d}", f"method-{index % 8}"
            folder = tmp_path / "runs" / name
            put_run(store, folder, name, seed=index, items=20, method=method)
        build(store, tmp_path / "site")
    seconds = [found["seconds"] for found in audit(tmp_path / "site" / "index.html")]
    assert max(seconds) < _LIMIT_S


def test_the_audit_finds_what_is_wrong(audit, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(
        '<!doctype html><html lang="en"><title>x</title><body style="background:#fff">'
        '<p style="color:#eee">pale</p><img src="none.png" alt="gone">'
        '<a href="#" style="outline:none">link</a><div style="width:3000px">wide</div>'
    )
    found = audit(page)[0]
    assert any("contrast" in one for one in found["violations"])
    assert found["missing"] == ["gone"]
    assert found["errors"]
    assert found["sideways"] > 0
    assert any("has no outline" in one for one in found["keyboard"])
