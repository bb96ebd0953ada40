"""What a user gets beside the report."""

from __future__ import annotations

import io
import json
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image

from reference.coin_classifier import METHOD

KMODEL = b"LDMK\x05\0\0\0" + bytes(range(256))


@pytest.fixture(scope="module")
def made(tmp_path_factory, trained, photographs):
    """Return a function that writes the artefacts: folder, and what was said to be in it."""
    folder = tmp_path_factory.mktemp("artefacts")
    kmodel = folder / "model.kmodel"
    kmodel.write_bytes(KMODEL)
    deployable = METHOD.deployable(trained, photographs)

    def write(name: str, training: Path = trained.parent) -> tuple:
        out = folder / name
        return out, METHOD.artefacts(deployable, kmodel, training, out)

    return write


def test_everything_that_is_said_to_be_written_is_there(made):
    out, written = made("first")
    assert set(written.values()) == {path.name for path in out.iterdir()}
    assert set(written.values()) == {
        "mail.txt",
        "mail.json",
        "curves.png",
        "confusion.png",
        "sdcard.zip",
    }


def test_pictures_are_pictures(made):
    out, _ = made("pictures")
    for name in ("curves.png", "confusion.png"):
        with Image.open(out / name) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) > 200
            assert len(picture.convert("RGB").getcolors(maxcolors=1 << 24)) > 10


def test_the_mail_names_the_width_and_the_figures(made):
    out, _ = made("mail")
    table = json.loads((out / "mail.json").read_text())
    assert table["Model"] == "Mobilenet V1 Alpha0.25 Depth: 1"
    assert 0 <= float(table["Final Validation Accuracy"]) <= 1
    assert table["Final Loss"] in (out / "mail.txt").read_text()


def test_the_card_holds_model_script_labels_and_picture(made):
    out, _ = made("card")
    with ZipFile(out / "sdcard.zip") as card:
        files = {name: card.read(name) for name in card.namelist()}
    (model,) = (name for name in files if name.endswith(".kmodel"))
    assert model.endswith("_mbnet2_5_quant.kmodel")
    assert files[model] == KMODEL
    assert f"/sd/{model}" in files["boot.py"].decode()
    assert files["labels.txt"] == b"bar\ndisc\n"
    with Image.open(io.BytesIO(files["startup.jpg"])) as startup:
        assert (startup.format, startup.size) == ("JPEG", (240, 135))
    assert len(files) == 4


def test_the_same_model_gives_the_same_card_to_the_byte(made):
    first, second = (made(name)[0] / "sdcard.zip" for name in ("once", "twice"))
    assert first.read_bytes() == second.read_bytes()


def test_without_a_training_there_are_no_curves_and_no_mail(made, tmp_path):
    out, written = made("alone", training=tmp_path)
    assert set(written.values()) == {"confusion.png", "sdcard.zip"}
    assert {path.name for path in out.iterdir()} == set(written.values())
