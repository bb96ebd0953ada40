"""Links in README, CONTRIBUTING and docs, and how links of a site and of the web are followed."""

import http.server
import threading
import time
from contextlib import contextmanager

import pytest

from tests.docs import links
from tests.docs.blocks import REPOSITORY
from tests.docs.pages import CONTRIBUTING, PAGES

EVERY = [*PAGES, CONTRIBUTING]


@pytest.mark.parametrize("page", EVERY, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_inside_the_repository_lead_somewhere(page):
    assert links.lost_in_markdown(page) == []


def test_a_lost_page_and_a_lost_heading_are_found(tmp_path):
    page = tmp_path / "a.md"
    page.write_text(
        "# What `load` refuses, and [why](b.md)\n[1](b.md) [2](#what-load-refuses-and-why)\n"
        "[3](c.md)\n[4](b.md#no) [5](b.md#here-it-is) [6](#nor-this) [7](https://x.y/z)\n"
        "```md\n[8](none.md)\n# no heading\n```\n![9](d.png)\n"
    )
    (tmp_path / "b.md").write_text("## Here: it is!\n")
    assert links.lost_in_markdown(page) == ["c.md", "b.md#no", "#nor-this", "d.png"]


def test_links_of_a_built_site_are_followed(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "index.html").write_text(
        '<a href="a/#here">1</a><a href="a/#gone">2</a><a href="b/">3</a><img src="p.png">'
        '<a href="https://x.y/">4</a>'
    )
    (tmp_path / "a/index.html").write_text('<h2 id="here"></h2><a href="..">5</a><a href="#top">')
    site = links.Site(tmp_path)
    assert site.lost() == [": a/#gone", ": b/", ": p.png", "a/: #top"]
    assert site.outside() == {"https://x.y/"}


class _Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(3)
        self.send_response({"/gone": 404, "/never": 410, "/busy": 429}.get(self.path, 200))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments):
        pass


@contextmanager
def _serving():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Web) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_page_that_is_gone_is_told_from_a_server_that_does_not_say(monkeypatch):
    monkeypatch.setattr(links, "WAIT_S", 1)
    with _serving() as web:
        paths = ("/", "/gone#part", "/never", "/busy", "/slow")
        found = links.dead([web + path for path in paths])
    assert {address.removeprefix(web): trouble for address, trouble in found.items()} == {
        "/gone": "404",
        "/never": "410",
        "/busy": "cannot tell: 429",
        "/slow": "cannot tell: timed out",
    }
    assert "refused" in links.dead([web])[web]
