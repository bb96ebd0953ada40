"""Every page is well-formed, every link leads somewhere, and nothing is written twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import StoreError
from harness.site.build import STATE_FILE, build
from harness.site.names import page
from harness.site.sparkline import HEIGHT, WIDTH, sparkline
from tests.report.pages import Page
from tests.report.test_html import HOSTILE
from tests.site.conftest import put_run


@pytest.fixture
def site(made, tmp_path):
    """A copy of the site of `full`."""
    return Path(shutil.copytree(made / "site", tmp_path / "site"))


def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text()) for path in sorted(site.rglob("*.html"))}


def test_there_is_a_page_a_run_and_a_method(site):
    assert len(pages(site)) == 9 + 2 + 1


def test_every_link_leads_to_a_file_of_the_site(site):
    for path, found in pages(site).items():
        assert not found.unbalanced, path
        addresses = [one["href"] for one in (*found.all("a"), *found.all("link"))]
        addresses += [one["src"] for one in found.all("img")]
        assert addresses
        for address in addresses:
            parts = urlsplit(urljoin(path.as_uri(), address))
            if parts.scheme != "data":
                assert Path(unquote(parts.path)).is_file(), (path, address)


def test_words_of_users_stay_words(site):
    for found in pages(site).values():
        assert not found.all("script")
        assert all("example.invalid" not in one.get("src", "") for one in found.all("img"))
    assert any(HOSTILE in found.text for found in pages(site).values())


def test_the_overview_names_what_became_worse(site):
    text = Page((site / "index.html").read_text()).text
    assert "✗ worse" in text
    assert "baseline release" in text


def test_a_runs_page_has_the_judgement_and_links_to_its_baseline(site):
    found = Page((site / "runs" / "run-7.html").read_text())
    assert "gate" in found.sections()
    assert "signed off by ada: first" in found.text
    assert "../runs/run-0.html" in {one["href"] for one in found.all("a")}


def test_pages_that_say_the_same_are_left_alone(full, site, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in (site / "runs").iterdir()}
    assert build(full, site).written == 0
    assert {path: path.stat().st_mtime_ns for path in (site / "runs").iterdir()} == before
    put_run(full, tmp_path / "run-9", "run-9", seed=9, items=300)
    built = build(full, site)
    assert (built.written, built.kept) == (1, 9)


def test_a_damaged_state_writes_all_pages_again(full, site):
    (site / STATE_FILE).write_text("{")
    assert build(full, site).written == 9


def test_folders_of_others_are_left_alone(full, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    with pytest.raises(StoreError, match="is not a site"):
        build(full, tmp_path / "photos")
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["a.jpg"]


def test_an_empty_store_says_how_to_fill_it(store, tmp_path):
    build(store, tmp_path / "site")
    assert "k210 run METHOD --store" in Page((tmp_path / "site" / "index.html").read_text()).text


def test_reports_lie_beside_their_pages(site):
    found = json.loads((site / "reports" / "run-3" / "report.json").read_text())
    assert found["run_id"] == "run-3"


@given(st.lists(st.text(min_size=1, max_size=120), min_size=2, max_size=6, unique=True))
def test_names_that_differ_get_pages_that_differ_on_every_file_system(names):
    found = [page(name) for name in names]
    assert len({name.lower() for name in found}) == len(names)
    for name in found:
        assert Path(name).name == name
        assert not name.startswith(".")
        assert len(name.encode()) < 255


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60), st.text(max_size=20))
def test_a_sparkline_stays_in_its_box_and_is_well_formed(values, words):
    from xml.etree import ElementTree

    clean = "".join(char for char in words if char.isprintable())
    root = ElementTree.fromstring(sparkline(values, clean, range(len(values))))
    assert root.get("aria-label") == clean
    for pair in root.find("polyline").get("points").split():
        x, y = map(float, pair.split(","))
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT
