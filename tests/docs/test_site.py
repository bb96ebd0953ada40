"""The documentation as a site: built from docs and docstrings, whole, findable, fit for a phone."""

from __future__ import annotations

import http.server
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from functools import partial

import pytest

from tests.docs import links
from tests.docs.blocks import REPOSITORY
from tests.docs.links import Site
from tests.docs.pages import CONTRIBUTING
from tests.docs.pages import PAGES as PAGES_READ

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PHONE_WIDTH = 390
# Addresses of the reader's own machine.
OWN = ("http://127.0.0.1", "http://localhost")
# Long tables, long names, long code: what is too wide for a phone first.
PAGES = (
    "",
    "kmodel/",
    "prediction/",
    "methods/dtn/",
    "reference/harness/method/",
    "reference/harness/blame/",
    "reference/harness/kmodel/operations/",
)
WORDS = ("InputContract", "board_named")
WAIT_S = 240

# Opens pages in a frame as wide as a phone, then searches, and posts what it saw.
LOOK = """<!doctype html><meta charset="utf-8"><title>look</title><script>
const frame = (address) => new Promise((done) => {
  const one = document.createElement("iframe");
  one.style = "width: WIDTHpx; height: 844px";
  one.onload = () => done(one.contentDocument);
  one.src = address;
  document.body.append(one);
});
const soon = () => new Promise((done) => setTimeout(done, 200));
async function look(address) {
  const page = await frame(address);
  await soon();
  const missing = [...page.images].filter((one) => !one.naturalWidth).map((one) => one.src);
  return { address, sideways: page.documentElement.scrollWidth - WIDTH, missing };
}
async function search(word) {
  const page = await frame(`/?q=${word}`);
  for (let tries = 0; tries < 100; tries++) {
    await soon();
    const links = [...page.querySelectorAll("a.md-search-result__link")];
    if (links.length) return links.map((one) => new URL(one.href).pathname);
  }
  return [];
}
onload = async () => {
  const found = { pages: [], hits: {} };
  for (const address of PAGES) found.pages.push(await look(`/${address}`));
  for (const word of WORDS) found.hits[word] = await search(word);
  await fetch("/found", { method: "POST", body: JSON.stringify(found) });
};
</script><body></body>"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The site, built as `tox run -e docs` does it: a warning is an error."""
    out = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    quiet = {"NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"}
    environment = {**os.environ, **quiet}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    return out


def test_every_link_of_the_site_leads_somewhere(built):
    assert Site(built).lost() == []


def test_every_link_to_the_web_leads_somewhere(built):
    """On the web only: a machine without a way there skips, and says so."""
    pages = (page.read_text() for page in (*PAGES_READ, CONTRIBUTING))
    written = {link for text in pages for link in links.markdown_links(text)}
    outside = {link for link in written if link.startswith(("http:", "https:"))}
    outside = {link for link in outside | Site(built).outside() if not link.startswith(OWN)}
    assert outside
    found = links.dead(outside)
    silent = [link for link, why in found.items() if why.startswith(links.CANNOT_TELL)]
    if 2 * len(silent) > len(outside):
        pytest.skip(f"no way to the web from here: {len(silent)} pages of {len(outside)}")
    assert {link: why for link, why in found.items() if link not in silent} == {}


def test_every_public_name_of_the_promised_ones_is_in_the_reference(built):
    pages = built / "reference/harness"
    for page, name in (
        ("kmodel", "harness.kmodel.loading.load"),
        ("simulator", "harness.simulator.simulator.Simulator"),
        ("method", "harness.method.Method"),
        ("backends", "harness.backends.get"),
        ("compare", "harness.compare.comparison.compare"),
    ):
        assert f'id="{name}"' in (pages / page / "index.html").read_text(), name


class _Handler(http.server.SimpleHTTPRequestHandler):
    found: queue.Queue[dict]

    def do_GET(self):
        if self.path == "/look":
            self._send_look()
        else:
            super().do_GET()

    def _send_look(self):
        values = {"WIDTH": PHONE_WIDTH, "PAGES": json.dumps(PAGES), "WORDS": json.dumps(WORDS)}
        text = LOOK
        for name, value in values.items():
            text = text.replace(name, str(value))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(text.encode())

    def do_POST(self):
        self.found.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_arguments):
        pass


@pytest.fixture(scope="module")
def seen(built, tmp_path_factory):
    """What Chromium saw of the site."""
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("no chromium on PATH to open the site with")
    handler = type("Handler", (_Handler,), {"found": queue.Queue()})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(handler, directory=str(built))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    flags += [f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]
    address = f"http://127.0.0.1:{server.server_port}/look"
    browser = subprocess.Popen(
        [chromium, *flags, address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield handler.found.get(timeout=WAIT_S)
    finally:
        browser.terminate()
        browser.wait(timeout=30)
        server.shutdown()
        server.server_close()


def test_no_page_is_wider_than_a_phone(seen):
    assert [page["address"] for page in seen["pages"]] == [f"/{page}" for page in PAGES]
    assert [page for page in seen["pages"] if page["sideways"] > 0 or page["missing"]] == []


def test_a_name_is_found_by_search(seen):
    assert "/reference/harness/method/" in seen["hits"]["InputContract"]
    assert "/reference/harness/timing/" in seen["hits"]["board_named"]
