"""Show the site while runs still come in: pages are written again when the store has changed."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness.errors import HarnessError, StoreError
from harness.progress import SILENT, Progress
from harness.site.build import build
from harness.store import reading
from harness.store.activity import activities
from harness.store.database import Store

# Between two looks at the store.
LOOK_EVERY_S = 2.0
VERSION = "/version"


class Site:
    """The pages of a store in a folder, and a word that changes with them.

    Attributes:
        version: Changes when a browser has to look again.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        self._store, self._folder = store, folder
        self.version = ""

    def refresh(self, progress: Progress = SILENT) -> None:
        """Write what has changed."""
        found = (reading.runs(self._store), activities(self._store))
        version = hashlib.sha256(repr(found).encode()).hexdigest()[:16]
        if version != self.version:
            build(self._store, self._folder, live=True, progress=progress)
            self.version = version


@contextmanager
def serving(
    store: Store, host: str, port: int, progress: Progress = SILENT
) -> Iterator[ThreadingHTTPServer]:
    """Serve a store's site until the context ends.

    Args:
        store: What to show.
        host: Address to listen on.
        port: Port; 0 for a free one.
        progress: Who is told of the first build.

    Raises:
        StoreError: The address is taken, or not of this machine.
    """
    with tempfile.TemporaryDirectory(prefix="k210-site-") as name:
        site = Site(store, Path(name))
        site.refresh(progress)
        try:
            server = ThreadingHTTPServer((host, port), partial(_Handler, site, directory=name))
        except OSError as error:
            cause = f"cannot listen on {host}:{port}: {error.strerror or error}"
            raise StoreError(cause, "take another --port or --host") from error
        stop = threading.Event()
        threads = [
            threading.Thread(target=server.serve_forever, daemon=True),
            threading.Thread(target=_look, args=(site, stop), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            yield server
        finally:
            stop.set()
            server.shutdown()
            server.server_close()
            for thread in threads:
                thread.join()


def _look(site: Site, stop: threading.Event) -> None:
    while not stop.wait(LOOK_EVERY_S):
        try:
            site.refresh()
        except HarnessError:
            continue  # the store is held by a writer, or its server is away: look again


class _Handler(SimpleHTTPRequestHandler):
    """Files of the site, never listed, and its version."""

    def __init__(self, site: Site, *arguments: object, directory: str) -> None:
        self._site = site
        super().__init__(*arguments, directory=directory)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer with a page, or with the version of them all."""
        if self.path.split("?")[0].endswith(VERSION):
            self._answer(self._site.version.encode())
        else:
            super().do_GET()

    def list_directory(self, path: object) -> None:  # noqa: ARG002
        """Refuse: a folder without a page has nothing to show."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: results are what the terminal is for."""

    def _answer(self, data: bytes) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
