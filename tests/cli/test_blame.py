"""`k210 blame` as a user meets it, bad input included."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from harness.compiler.contract import sha256
from harness.report.schema import read_report

NETS = """
import torch
from torch import nn


def small():
    torch.manual_seed(5)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 12, 1), nn.ReLU6(),
        nn.Conv2d(12, 5, 3, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    ).eval()
"""
SIZE = ("--shape", "3,32,40", "--mean", "0.4,0.4,0.4", "--std", "0.3,0.2,0.3")


@pytest.fixture(scope="module")
def compared(tmp_path_factory, pictures):
    """A run folder of `k210 compare --blame`."""
    from harness.cli.app import run

    folder = tmp_path_factory.mktemp("blame")
    (folder / "blame_nets.py").write_text(NETS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        places = ["--calibration", str(pictures), "--inputs", str(pictures), "--out", "run"]
        code = run(
            ["compare", "blame_nets:small", *places, "--backends", "float,nncase", "--blame", *SIZE]
        )
    assert code == 0
    return folder / "run"


@pytest.fixture
def folder(compared, tmp_path):
    """A copy of the run that a test may spoil."""
    return shutil.copytree(compared, tmp_path / "run")


@pytest.mark.sim
def test_a_run_can_blame_at_once_and_the_report_holds_its_layers(compared):
    report = read_report(compared)
    assert report.blame.stage == "none"
    assert [layer.layer for layer in report.layers][:2] == ["01_kpu_conv2d", "02_kpu_conv2d"]
    assert [layer.module for layer in report.layers if layer.unit == "KPU"] == [
        "",
        "0, 1",
        "2, 3",
        "4",
    ]
    assert 'id="layers"' in (compared / "report.html").read_text()
    document = json.loads((compared / "blame.json").read_text())
    assert document["stage"] == "none"
    assert document["layers"][1]["node"] == "/0/Conv, /1/Relu"
    assert document["layers"][1]["alone"]["kpu"]["snr_db"] > 30


@pytest.mark.sim
def test_constants_from_calibration_images_are_taken_from_those_again(
    k210_command, tmp_path, pictures, monkeypatch
):
    (tmp_path / "normed_nets.py").write_text(
        "import torch\nfrom torch import nn\n\n\ndef normed():\n    torch.manual_seed(1)\n"
        "    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.InstanceNorm2d(8), nn.ReLU(),\n"
        "                         nn.Conv2d(8, 4, 1)).eval()\n"
    )
    monkeypatch.chdir(tmp_path)
    places = ["--calibration", pictures, "--inputs", pictures, "--out", tmp_path / "run"]
    command = ["compare", "normed_nets:normed", *places, "--legalise", "norm=fold", "--blame"]
    ended = k210_command(*command, "--cosine", "-1", "--backends", "float,kpu", *SIZE)
    assert ended.code == 0, ended.err
    assert "verdict" in ended.out
    line = k210_command("blame", tmp_path / "run").error_line()
    assert "name them with --calibration" in line
    assert k210_command("blame", tmp_path / "run", "--calibration", pictures).code in (0, 1)


@pytest.mark.sim
def test_layers_of_nncase_are_those_of_the_chip(k210_command, folder):
    ended = k210_command("blame", folder, "--images", "3", "--layer", "02_kpu_conv2d", "--json")
    assert ended.code == 0, ended.err
    document = ended.json()
    assert document["images"] == 3
    (asked,) = (one for one in document["layers"] if "nncase" in one["accumulated"])
    assert asked["layer"] == "02_kpu_conv2d"
    assert asked["accumulated"]["nncase"] == asked["accumulated"]["kpu"]


@pytest.mark.sim
def test_a_layer_may_be_asked_for_by_its_pytorch_or_onnx_name(k210_command, folder):
    asked = ["--layer", "2", "--layer", "/4/Conv"]
    ended = k210_command("blame", folder, "--images", "2", *asked, "--json")
    assert ended.code == 0, ended.err
    told = [one["layer"] for one in ended.json()["layers"] if "nncase" in one["accumulated"]]
    assert told == ["03_kpu_conv2d", "04_kpu_conv2d"]


@pytest.mark.sim
def test_names_stay_whole_in_80_columns(k210_command, folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    ended = k210_command("blame", folder, "--images", "2")
    table = [line for line in ended.out.splitlines() if "_kpu_conv2d" in line and "KPU" in line]
    assert [line.split()[0] for line in table] == [f"0{n}_kpu_conv2d" for n in (1, 2, 3, 4)]
    assert all(len(line) <= 80 for line in table)
    assert "the output keeps" in ended.out
    assert "output output" not in ended.out


@pytest.mark.sim
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("color", "BGR", "contract.json says color BGR, and report.json"),
        ("mean", [0.1, 0.4, 0.4], "contract.json says mean 0.1, 0.4 and 0.4, and report.json"),
    ],
)
@pytest.mark.parametrize("reported", [True, False], ids=["report", "no report"])
def test_an_edited_contract_is_the_input_contract(
    k210_command, folder, pictures, field, value, said, reported
):
    contract = json.loads((folder / "contract.json").read_text())
    contract["input"][field] = value
    (folder / "contract.json").write_text(json.dumps(contract))
    data = []
    if not reported:
        (folder / "report.json").unlink()
        data = ["--data", pictures]
    ended = k210_command("blame", folder, "--images", "2", *data, "--json")
    assert ended.code == 1, ended.err
    told = ended.json()
    assert told["stage"] == "input contract"
    expected = said if reported else said.split(", and report")[0]
    assert expected in told["evidence"][0]
    assert [hint["kind"] for hint in told["hints"]] == ["input contract"]


@pytest.mark.sim
def test_the_screen_names_the_stage(k210_command, folder):
    damaged = bytearray((folder / "model.kmodel").read_bytes())
    start = _weights(bytes(damaged), "03_kpu_conv2d")
    damaged[start : start + 24] = bytes(value ^ 0x5A for value in damaged[start : start + 24])
    _replace(folder, bytes(damaged))
    ended = k210_command("blame", folder)
    assert ended.code == 1, ended.err
    assert "weights at 03_kpu_conv2d" in ended.out
    assert f"bytes {start} to {start + 23} of the file" in " ".join(ended.out.split())


@pytest.mark.sim
def test_a_kmodel_of_another_run_is_refused_and_nothing_is_written(k210_command, folder):
    (folder / "blame.json").unlink()
    before = (folder / "report.json").read_bytes()
    with (folder / "model.kmodel").open("ab") as file:
        file.write(b"x")
    line = k210_command("blame", folder).error_line()
    assert "the kmodel is not the one" in line
    assert not (folder / "blame.json").exists()
    assert (folder / "report.json").read_bytes() == before


@pytest.mark.sim
def test_another_onnx_model_is_refused(k210_command, folder):
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes() + b"\x00")
    line = k210_command("blame", folder).error_line()
    assert "model.onnx is not the one that was compiled" in line


@pytest.mark.sim
def test_what_says_nothing_is_refused(k210_command, folder, pictures):
    line = k210_command("blame", folder, "--calibration", pictures).error_line()
    assert "add --fix" in line
    line = k210_command("blame", folder, "--layer", "00_kpu_upload").error_line()
    assert "00_kpu_upload only moves values" in line
    assert "such as 01_kpu_conv2d" in line


@pytest.mark.sim
def test_a_kmodel_that_was_fine_tuned_is_not_that_of_the_onnx_model(k210_command, folder):
    contract = json.loads((folder / "contract.json").read_text())
    contract["compiler"] += ", fine-tuned by k210-harness"
    (folder / "contract.json").write_text(json.dumps(contract))
    assert "blame the run that it was fine-tuned from" in k210_command("blame", folder).error_line()


@pytest.mark.sim
def test_files_that_are_gone_or_cut_off_say_what_to_do(k210_command, folder):
    whole = (folder / "model.kmodel").read_bytes()
    _replace(folder, whole[: len(whole) // 2])
    line = k210_command("blame", folder).error_line()
    assert "model.kmodel is damaged: kmodel byte" in line
    assert "compile again" in line
    (folder / "model.kmodel").unlink()
    line = k210_command("blame", folder).error_line()
    assert "model.kmodel cannot be read" in line
    assert "it writes the file" in line


@pytest.mark.sim
def test_a_layer_that_does_not_exist_is_told_its_neighbours(k210_command, folder):
    line = k210_command("blame", folder, "--layer", "zzzzzzzz").error_line()
    assert "there are: 01_kpu_conv2d, 02_kpu_conv2d" in line
    line = k210_command("blame", folder, "--layer", "2_kpu_conv").error_line()
    assert "'2_kpu_conv'" in line
    assert "02_kpu_conv2d" in line


@pytest.mark.sim
def test_pictures_that_the_contract_does_not_fit(k210_command, folder, tmp_path):
    np.save(tmp_path / "wrong.npy", np.zeros((2, 3, 8, 8), np.uint8))
    line = k210_command("blame", folder, "--data", tmp_path / "wrong.npy").error_line()
    assert "the model takes uint8 [N, 3, 32, 40]" in line


@pytest.mark.sim
def test_pictures_of_another_run_are_looked_at_without_its_outputs(k210_command, folder, tmp_path):
    rng = np.random.default_rng(1)
    (tmp_path / "other").mkdir()
    Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8)).save(tmp_path / "other" / "a.png")
    ended = k210_command("blame", folder, "--data", tmp_path / "other", "--json")
    assert ended.code in (0, 1), ended.err
    assert ended.json()["images"] == 1
    assert not any("PyTorch's recorded" in line for line in ended.json()["evidence"])


def test_a_folder_that_is_no_run(k210_command, tmp_path):
    line = k210_command("blame", tmp_path).error_line()
    assert "contract.json cannot be read" in line
    assert "name a folder that k210 run" in line
    assert "there is no folder" in k210_command("blame", tmp_path / "nope").error_line()


def test_blame_without_a_kmodel_is_refused_before_any_work(k210_command, tmp_path):
    line = k210_command(
        "run", "coin_classifier", "--backends", "float", "--blame", "--out", tmp_path / "run"
    ).error_line()
    assert "add kpu to --backends" in line
    assert not (tmp_path / "run").exists()


def _weights(kmodel, name):
    from harness.kmodel import load

    return load(kmodel).operation(name).weights_offset


def _replace(folder, kmodel):
    """Put another kmodel into a run, as if it had been compiled there."""
    (folder / "model.kmodel").write_bytes(kmodel)
    contract = json.loads((folder / "contract.json").read_text())
    contract["kmodel_sha256"] = sha256(kmodel)
    (folder / "contract.json").write_text(json.dumps(contract))
