"""The page in a real browser: no console error, no request, no sideways scrolling on a phone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from harness.report.html import write_html
from harness.report.schema import Report
from tests.report import reports
from tests.report.pages import Page
from tests.report.test_html import hostile_report

pytestmark = pytest.mark.slow

PHONE_PIXELS = 390


@pytest.fixture(scope="module")
def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no chromium on PATH to open the report in")


def browse(chromium: str, profile: Path, page: Path, *options: str) -> subprocess.CompletedProcess:
    command = [
        chromium,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--allow-file-access-from-files",
        "--enable-logging=stderr",
        f"--user-data-dir={profile}",
        *options,
        page.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def full_run(folder: Path) -> Report:
    shown = tuple(
        reports.disagreement(
            index, reports.write(folder, f"pictures/{index}.png", reports.photograph(index))
        )
        for index in range(3)
    )
    reports.write(folder, "training/curves.png", reports.photograph(9, 600))
    return reports.report(disagreements=shown)


@pytest.mark.parametrize("kind", ["full", "hostile"])
def test_the_page_opens_without_a_console_message(kind: str, chromium: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    page = write_html(full_run(folder) if kind == "full" else hostile_report(), folder)
    done = browse(chromium, tmp_path / "profile", page, "--dump-dom")
    assert "CONSOLE" not in done.stderr
    dom = Page(done.stdout)
    assert dom.all("script") == []
    assert "backends" in dom.sections()


def test_the_console_is_watched(chromium: str, tmp_path: Path) -> None:
    page = tmp_path / "noisy.html"
    page.write_text("<script>console.error('heard')</script>")
    assert "heard" in browse(chromium, tmp_path / "profile", page, "--dump-dom").stderr


@pytest.mark.parametrize("kind", ["full", "hostile"])
def test_a_phone_need_not_scroll_sideways(kind: str, chromium: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    write_html(full_run(folder) if kind == "full" else hostile_report(), folder)
    frame = folder / "phone.html"
    # A window cannot be as narrow as a phone; a frame can.
    frame.write_text(
        f'<iframe src="report.html" width="{PHONE_PIXELS}" height="800" frameborder="0"></iframe>'
        "<script>onload = () => { document.body.dataset.width = "
        "document.querySelector('iframe').contentDocument.documentElement.scrollWidth }</script>"
    )
    done = browse(chromium, tmp_path / "profile", frame, "--dump-dom")
    assert int(Page(done.stdout).all("body")[0]["data-width"]) == PHONE_PIXELS


@pytest.mark.parametrize(("scheme", "bright"), [(0, False), (1, True)], ids=["dark", "light"])
def test_both_colour_schemes_are_painted(
    scheme: int, bright: bool, chromium: str, tmp_path: Path
) -> None:
    page = write_html(reports.report(), tmp_path)
    shot = tmp_path / "shot.png"
    browse(
        chromium,
        tmp_path / "profile",
        page,
        f"--blink-settings=preferredColorScheme={scheme}",
        f"--screenshot={shot}",
        "--window-size=1100,1200",
    )
    with Image.open(shot) as image:
        corner = image.convert("L").getpixel((2, 600))
    assert (corner > 127) == bright
