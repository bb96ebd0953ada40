"""A browser that looks again sees new runs, and what runs at this moment."""

import time
import urllib.error
import urllib.request

import pytest

from harness.errors import StoreError
from harness.progress import SILENT
from harness.site import serve
from harness.site.serve import serving
from harness.store.activity import StoredProgress, activities


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(serve, "LOOK_EVERY_S", 0.05)


def get(server, path):
    url = f"http://127.0.0.1:{server.server_address[1]}/{path}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def wait_for(server, path, word, limit_s=30):
    end = time.monotonic() + limit_s
    while word not in (text := get(server, path)):
        assert time.monotonic() < end, text
        time.sleep(0.05)


@pytest.mark.usefixtures("quick")
def test_a_new_run_appears_by_itself(store, put):
    put("run-1")
    with serving(store, "127.0.0.1", 0) as server:
        version = get(server, "version")
        assert "run-1" in get(server, "index.html")
        put("run-2", seed=2)
        wait_for(server, "index.html", "run-2")
        end = time.monotonic() + 10
        while get(server, "version") == version:
            assert time.monotonic() < end
        assert "run-2" in get(server, "runs/run-2.html")
        assert get(server, "methods/version") == get(server, "version")


@pytest.mark.usefixtures("quick")
def test_what_runs_now_is_shown_until_it_ends(store, put):
    put("run-1")
    progress = StoredProgress(store, "/runs/long", "stereonet", SILENT)
    with serving(store, "127.0.0.1", 0) as server:
        with progress.task("Training", 40) as task:
            task.advance(10, "loss 0.5")
            wait_for(server, "index.html", "Running now")
            assert "stereonet" in get(server, "index.html")
        progress.close()
        end = time.monotonic() + 30
        while "Running now" in get(server, "index.html"):
            assert time.monotonic() < end


def test_folders_are_not_listed_and_nothing_else_is_served(store):
    with serving(store, "127.0.0.1", 0) as server:
        for path in ("runs/", "../../etc/passwd", "nothing.html"):
            with pytest.raises(urllib.error.HTTPError) as caught:
                get(server, path)
            assert caught.value.code == 404


def test_a_port_that_is_taken_is_one_line(store):
    with serving(store, "127.0.0.1", 0) as server:
        port = server.server_address[1]
        taken = serving(store, "127.0.0.1", port)
        with pytest.raises(StoreError, match=f"cannot listen on 127.0.0.1:{port}"), taken:
            pass


def test_progress_is_written_now_and_then_and_taken_away(store):
    progress = StoredProgress(store, "/runs/a", "dtn", SILENT)
    with progress.task("Measuring", 3) as task:
        for _ in range(3):
            task.advance(1, "x")
        (line,) = activities(store)
        assert (line.title, line.done, line.total, line.is_fresh) == ("Measuring", 3, 3, True)
    progress.close()
    assert activities(store) == []
