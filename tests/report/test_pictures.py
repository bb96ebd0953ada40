from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from harness.report.pictures import Inliner, Picture, is_picture, link
from tests.report import reports


def decoded(picture: Picture) -> Image.Image:
    data = base64.b64decode(picture.source.split(",", 1)[1])
    return Image.open(io.BytesIO(data))


def test_a_small_picture_keeps_its_size(tmp_path: Path) -> None:
    path = reports.write(tmp_path, "a.png", reports.photograph(0, 96))
    picture = Inliner(tmp_path).picture(path, 224)
    assert decoded(picture).size == (picture.width, picture.height) == (96, 96)


def test_a_large_picture_is_scaled_down(tmp_path: Path) -> None:
    Image.new("RGB", (3000, 1000), "teal").save(tmp_path / "wide.png")
    picture = Inliner(tmp_path).picture("wide.png", 600)
    assert decoded(picture).size == (600, 200)


def test_photographs_become_jpeg_and_plots_stay_png(tmp_path: Path) -> None:
    reports.write(tmp_path, "photograph.png", reports.photograph(0))
    Image.new("RGB", (800, 400), "white").save(tmp_path / "plot.png")
    inliner = Inliner(tmp_path)
    assert inliner.picture("photograph.png", 224).source.startswith("data:image/jpeg;")
    assert inliner.picture("plot.png", 800).source.startswith("data:image/png;")


def test_transparency_is_kept(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (255, 0, 0, 128)).save(tmp_path / "clear.png")
    assert decoded(Inliner(tmp_path).picture("clear.png", 224)).mode == "RGBA"


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "I;16"])
def test_every_kind_of_picture_is_shown(mode: str, tmp_path: Path) -> None:
    suffix = "jpg" if mode == "CMYK" else "png"
    Image.new(mode, (8, 8)).save(tmp_path / f"picture.{suffix}")
    assert Inliner(tmp_path).picture(f"picture.{suffix}", 224).source


@pytest.mark.parametrize(
    "data", [b"", b"no picture", reports.photograph(0)[:900], reports.photograph(0)[:20]]
)
def test_a_damaged_picture_gives_a_reason(data: bytes, tmp_path: Path) -> None:
    picture = Inliner(tmp_path).picture(reports.write(tmp_path, "bad.png", data), 224)
    assert picture.source == ""
    assert picture.problem.startswith("bad.png cannot be shown: ")


@pytest.mark.parametrize("path", ["gone.png", "../outside.png", "/etc/hostname", "."])
def test_nothing_outside_the_folder_is_read(path: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    reports.write(tmp_path, "outside.png", reports.photograph(0, 8))
    assert Inliner(folder).picture(path, 224).problem == f"{path} is not in the run folder"


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    reports.write(tmp_path, "outside.png", reports.photograph(0, 8))
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    assert Inliner(folder).picture("link.png", 224).source == ""


def test_the_budget_is_kept_and_smaller_pictures_still_fit(tmp_path: Path) -> None:
    reports.write(tmp_path, "large.png", reports.photograph(0, 400))
    reports.write(tmp_path, "small.png", reports.photograph(0, 16))
    inliner = Inliner(tmp_path, budget=3000)
    large, small = (inliner.picture(name, 400) for name in ("large.png", "small.png"))
    assert large.problem == "large.png is left out to keep this page small"
    assert small.source
    assert inliner.budget == 3000 - len(small.source)


def test_names_decide_what_is_a_picture() -> None:
    assert is_picture("training/Curves.PNG")
    assert not is_picture("sd_card.zip")


@pytest.mark.parametrize(
    ("path", "address"),
    [("a b#1.zip", "./a%20b%231.zip"), ("javascript:alert(1)", "./javascript%3Aalert%281%29")],
)
def test_a_link_is_relative_whatever_the_name(path: str, address: str) -> None:
    assert link(path) == address
