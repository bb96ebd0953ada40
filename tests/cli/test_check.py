"""`k210 check`, as a user meets it."""

import re

import pytest
import torch
from torch import nn

pytestmark = pytest.mark.sim
HERE = "tests.cli.test_check"
SHAPE = ("--shape", "3,32,32")


def good():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.MaxPool2d(2)
    )


class Mixed(nn.Module):
    """Something for every place: the KPU, the CPU, a rewrite, an offer, and one fused."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.wide = nn.Conv2d(8, 8, 5, padding=2)
        self.up = nn.ConvTranspose2d(8, 8, 4, 2, 1)

    def forward(self, x):
        return torch.softmax(self.up(self.wide(self.stem(x))), 1)


def wide():
    return nn.Sequential(nn.Conv2d(3, 96, 3, padding=1), nn.ReLU(), nn.Conv2d(96, 96, 1))


def heavy():
    return nn.Sequential(*(nn.Conv2d(3 if not i else 512, 512, 3, padding=1) for i in range(3)))


def broken():
    return nn.Sequential(nn.Conv2d(5, 8, 3))


def nothing():
    return nn.Identity()


def resized():
    """All multiply-accumulates on the KPU, and still something on the CPU."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.Upsample(scale_factor=2), nn.Conv2d(8, 8, 1)
    )


def diverged():
    module = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1), nn.ReLU6())
    with torch.no_grad():
        module[0].weight[0, 0, 0, :2] = float("nan")
        module[1].bias[3] = float("inf")
    return module


def layers(document):
    return {layer["name"]: layer for layer in document["layers"]}


def test_what_runs_on_the_kpu_passes(k210_command):
    ended = k210_command("check", f"{HERE}:good", *SHAPE, "--json")
    assert ended.code == 0, ended.err
    document = ended.json()
    assert document["passed"]
    assert document["kpu_share"] == 1
    assert {name: one["units"] for name, one in layers(document).items()} == {
        "0": "KPU",
        "1": "fused",
        "2": "KPU",
        "3": "fused",
    }
    assert all(one["runs"] for one in document["firmwares"])
    low, high = document["prediction"]["interval_ms"]
    assert 0 < low < document["prediction"]["ms"] < high
    assert 0 < document["kpu_bytes"] <= 2 * 1024 * 1024


def test_what_falls_to_the_cpu_is_told_with_pytorch_names(k210_command):
    ended = k210_command("check", f"{HERE}:Mixed", *SHAPE, "--json")
    assert ended.code == 1, ended.err
    found = layers(ended.json())
    assert {name: one["kind"] for name, one in found.items()} == {
        "stem.0": "Conv2d",
        "stem.1": "ReLU",
        "wide": "Conv2d",
        "up": "ConvTranspose2d",
        "Softmax": "Softmax",
    }
    assert found["stem.0"]["units"] == "KPU"
    assert found["wide"]["units"] == "CPU"
    assert any("kernel 5x5" in reason for reason in found["wide"]["reasons"])
    assert [one["rewrite"] for one in found["up"]["rewrites"]] == ["transposed"]
    (offer,) = ended.json()["offers"]
    assert (offer["request"], offer["layers"]) == ("kernel=kpu", ["wide"])


def test_an_offer_does_what_it_said(k210_command):
    before = k210_command("check", f"{HERE}:Mixed", *SHAPE, "--json").json()
    ended = k210_command(
        *("check", f"{HERE}:Mixed", *SHAPE, "--legalise", "kernel=kpu"),
        *("--kpu-share", "0.95", "--json"),
    )
    assert ended.code == 0, ended.err
    after = ended.json()
    assert after["offers"] == []
    assert before["kpu_share"] < 0.95 < after["kpu_share"]
    assert layers(after)["wide"]["rewrites"][0]["becomes"] == before["offers"][0]["becomes"]
    assert after["prediction"]["ms"] < before["prediction"]["ms"]


def test_the_table_names_layers_reasons_and_offers(k210_command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    ended = k210_command("check", f"{HERE}:Mixed", *SHAPE)
    assert ended.code == 1
    for text in ("stem.0", "KPU", "kernel 5x5", "possible", "--legalise kernel=kpu", "maixpy-0.6"):
        assert text in ended.out
    last = ended.out.splitlines()[-1]
    assert last.startswith("no  these fall to the CPU (")
    assert last.endswith(": wide (Conv2d), up (ConvTranspose2d), Softmax (Softmax)")


def test_what_falls_to_the_cpu_without_multiplying_is_told_with_its_share(k210_command):
    ended = k210_command("check", f"{HERE}:resized", *SHAPE)
    assert ended.code == 1
    assert "100.0% of" in ended.out
    said = "(0.0% of the multiply-accumulates; --kpu-share 1 lets them): 1 (Upsample)"
    assert ended.out.splitlines()[-1] == f"no  these fall to the CPU {said}"
    assert k210_command("check", f"{HERE}:resized", *SHAPE, "--kpu-share", "1").code == 0


def test_the_share_that_is_named_is_enough_and_what_was_asked_for_is_said(k210_command):
    said = k210_command("check", f"{HERE}:Mixed", *SHAPE).out.splitlines()[-1]
    enough = re.search(r"--kpu-share ([0-9.]+)", said)[1]
    assert k210_command("check", f"{HERE}:Mixed", *SHAPE, "--kpu-share", enough).code == 0
    ended = k210_command("check", f"{HERE}:Mixed", *SHAPE, "--kpu-share", "0.99")
    assert ended.code == 1
    assert ended.out.splitlines()[-1].startswith("no  99.0% of the multiply-accumulates are wanted")


def test_a_module_that_computes_nothing_is_no_success(k210_command):
    ended = k210_command("check", f"{HERE}:nothing", *SHAPE)
    assert ended.code == 1
    assert "nothing is multiplied" in ended.out
    assert ended.out.splitlines()[-1].startswith("no  it computes nothing")


def test_weights_that_are_no_numbers_are_named(k210_command):
    ended = k210_command("check", f"{HERE}:diverged", *SHAPE)
    assert ended.code == 1
    assert "no numbers  0: nan in 2 of 216 weights" in ended.out
    assert ended.out.splitlines()[-1].startswith("no  weights are no numbers")
    document = k210_command("check", f"{HERE}:diverged", *SHAPE, "--json").json()
    assert document["not_finite"] == ["0: nan in 2 of 216 weights", "1: inf in 1 of 8 weights"]
    assert k210_command("check", f"{HERE}:good", *SHAPE, "--json").json()["not_finite"] == []


def test_what_is_too_large_for_the_kpu_is_named_with_its_need(k210_command):
    ended = k210_command("check", f"{HERE}:wide", "--shape", "3,128,128", "--json")
    assert ended.code == 1, ended.err
    document = ended.json()
    assert not document["passed"]
    assert document["too_large"] == ["/2/Conv: 96x128x128 → 96x128x128 needs 3072 of 2048 KiB"]


@pytest.mark.slow
def test_what_no_firmware_has_room_for_does_not_pass(k210_command):
    ended = k210_command(
        "check", f"{HERE}:heavy", "--shape", "3,16,16", "--firmware", "maixpy-0.6", "--json"
    )
    assert ended.code == 1, ended.err
    (fit,) = ended.json()["firmwares"]
    assert not fit["runs"]
    assert "heap" in fit["refusal"]


def test_a_method_is_checked_with_its_own_weights_or_says_what_is_missing(k210_command):
    line = k210_command("check", "coin_classifier").error_line()
    assert "--checkpoint" in line


def test_an_onnx_file_tells_its_own_size(k210_command, tmp_path):
    from harness.compiler.export import to_onnx
    from harness.method import InputContract

    path = tmp_path / "net.onnx"
    path.write_bytes(to_onnx(good().eval(), InputContract((3, 32, 32)), ("y",)))
    ended = k210_command("check", path, "--json")
    assert ended.code == 0, ended.err
    assert list(layers(ended.json())) == ["/0/Conv", "/1/Relu", "/2/Conv", "/3/MaxPool"]


def test_rewrites_are_listed_with_their_modes(k210_command):
    from harness.compiler.legalise import REWRITES

    listed = k210_command("check", "--rewrites", "--json").json()["rewrites"]
    assert [one["name"] for one in listed] == [rewrite.name for rewrite in REWRITES]
    assert all("off" in one["modes"] and one["default"] in one["modes"] for one in listed)
    shown = k210_command("check", "--rewrites").out
    assert all(rewrite.name in shown for rewrite in REWRITES)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no network is named"),
        (("nowhere",), "neither a .onnx nor a .tflite"),
        ((f"{HERE}:broken", *SHAPE), "fails on an input of shape"),
        ((f"{HERE}:absent", *SHAPE), "absent"),
        ((f"{HERE}:good", *SHAPE, "--legalise", "kernel"), "has no mode"),
        ((f"{HERE}:good", *SHAPE, "--legalise", "magic=on"), "no rewrite 'magic'"),
        ((f"{HERE}:good", *SHAPE, "--legalise", "kernel=on"), "kernel has no mode 'on'"),
        ((f"{HERE}:good", *SHAPE, "--firmware", "none"), "no firmware 'none'"),
        ((f"{HERE}:good", "--shape", "3,32"), "--shape"),
    ],
)
def test_bad_input_is_one_line(k210_command, arguments, said):
    assert said in k210_command("check", *arguments).error_line()
