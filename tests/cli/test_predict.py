"""`k210 predict`, as a user meets it."""

import json
import subprocess
import sys

import pytest

from harness.cli.app import run
from harness.cli.commands import predict as command
from harness.timing.boards import BOARDS
from reference.dtn import METHOD
from tests.conftest import REPOSITORY

FIXTURES = REPOSITORY / "fixtures" / "kmodels"
MODEL = FIXTURES / "mbv1_025_128.kmodel"


def predicted(k210_command, *arguments):
    ended = k210_command("predict", *arguments, "--json")
    assert ended.code == 0, ended.err
    return ended.json()


def test_every_layer_is_shown_with_its_time_and_what_they_come_to(k210_command):
    ended = k210_command("predict", MODEL, "--board", "m5stickv")
    assert ended.code == 0
    assert ended.err == ""
    for word in ("34_kpu_conv2d", "30_reduce", "inference", "between", "camera loop", "costliest"):
        assert word in ended.out
    assert "predicted, not measured" in ended.out


def test_as_json_the_parts_come_to_the_whole(k210_command):
    found = predicted(k210_command, MODEL)
    sums = found["totals"]
    assert sum(one["ms"] for one in found["layers"]) == pytest.approx(sums["ms"])
    parts = sums["kpu_ms"], sums["cpu_ms"], sums["transfer_ms"]
    assert sum(parts) == pytest.approx(sums["ms"])
    assert sums["loop_fps"] < sums["fps"]
    assert len(found["costliest"]) == 3
    assert found["what_if"] == []


def test_every_layer_has_an_interval_of_its_own(k210_command):
    found = predicted(k210_command, MODEL)
    for one in [*found["layers"], found["totals"]]:
        low, high = one["interval_ms"]
        assert low < one["ms"] < high
        assert high - one["ms"] == pytest.approx(one["ms"] - low) == pytest.approx(0.35 * one["ms"])
    first = found["layers"][1]
    low, high = first["interval_ms"]
    assert f"{low:.3f} – {high:.3f}" in k210_command("predict", MODEL).out


def test_a_profile_of_whole_runs_makes_the_interval_of_a_layer_no_narrower(k210_command, tmp_path):
    profile = {"schema": 1, "origin": "x", "span": 0.1, "measurements": 3, "prices_ns": {}}
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(profile))
    found = predicted(k210_command, MODEL, "--profile", path)
    assert found["totals"]["interval_ms"][1] == pytest.approx(1.1 * found["totals"]["ms"])
    first = found["layers"][0]
    assert first["interval_ms"][1] == pytest.approx(1.35 * first["ms"])


def test_a_slower_clock_takes_longer(k210_command):
    slow = predicted(k210_command, MODEL, "--clock", 200)["totals"]
    fast = predicted(k210_command, MODEL, "--clock", 400)["totals"]
    assert slow["kpu_compute_ms"] == pytest.approx(2 * fast["kpu_compute_ms"])
    assert slow["cpu_ms"] == fast["cpu_ms"]


def test_a_firmware_runs_the_converted_model(k210_command):
    found = predicted(k210_command, MODEL, "--firmware", "maixpy-0.6")
    assert found["version"] == 4
    assert found["totals"]["ms"] < predicted(k210_command, MODEL)["totals"]["ms"]


def test_a_run_folder_is_predicted_by_its_kmodel(k210_command, tmp_path):
    (tmp_path / "model.kmodel").write_bytes(MODEL.read_bytes())
    assert predicted(k210_command, tmp_path)["totals"] == predicted(k210_command, MODEL)["totals"]


def test_what_if_shows_before_and_after(k210_command):
    questions = ("--what-if", "width=0.5", "--what-if", "input=64x64")
    found = predicted(k210_command, MODEL, *questions)
    named = [one["question"] for one in found["what_if"]]
    assert named == ["width=0.5", "input=64x64", "all together"]
    assert all(one["totals"]["ms"] < found["totals"]["ms"] for one in found["what_if"])
    ended = k210_command("predict", MODEL, *questions)
    assert "as it is" in ended.out
    assert "all together" in ended.out


def test_a_factory_is_compiled_first(k210_command, tmp_path, monkeypatch):
    (tmp_path / "one_layer.py").write_text(
        "from torch import nn\n\ndef net():\n    return nn.Conv2d(3, 8, 3, padding=1)\n"
    )
    monkeypatch.chdir(tmp_path)
    found = predicted(k210_command, "one_layer:net", "--shape", "3,32,32")
    assert [one["operation"] for one in found["layers"]].count("kpu_conv2d") == 1
    assert found["version"] == 5


@pytest.mark.sim
def test_a_method_is_compiled_with_the_weights_that_it_comes_with(k210_command):
    found = predicted(k210_command, "dtn")
    assert found["version"] == 5
    assert found["totals"]["kpu_ms"] > 0
    weights = METHOD.shipped()
    assert predicted(k210_command, "dtn", "--checkpoint", weights)["layers"] == found["layers"]


@pytest.mark.sim
def test_a_method_without_weights_is_compiled_with_a_checkpoint(k210_command, tmp_path):
    assert "--checkpoint" in k210_command("predict", "coin_classifier").error_line()
    line = k210_command("predict", "coin_classifier", "--checkpoint", tmp_path / "x").error_line()
    assert "cannot be read as a checkpoint" in line


def test_a_kmodel_is_predicted_without_pytorch():
    """It takes seconds to import, and a kmodel tells its shapes itself."""
    code = (
        "import sys\n"
        "from harness.cli.app import run\n"
        f"assert run(['predict', {str(MODEL)!r}, '--what-if', 'width=0.5', '--json']) == 0\n"
        "heavy = {'torch', 'onnx', 'tflite', 'matplotlib', 'harness.compiler.build'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("board", BOARDS)
def test_every_board_has_a_loop(k210_command, board):
    found = predicted(k210_command, MODEL, "--board", board)
    assert found["board"] == board
    assert 5 < found["totals"]["loop_fps"] < 25


def test_the_commands_boards_are_those_that_there_are():
    assert tuple(BOARDS) == command.BOARDS


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((FIXTURES / "none.kmodel",), "none.kmodel"),
        ((REPOSITORY / "docs",), "model.kmodel"),
        ((MODEL, "--board", "m5"), "m5stickv"),
        ((MODEL, "--firmware", "windows"), "maixpy-0.6"),
        ((MODEL, "--clock", "0"), "clock"),
        ((MODEL, "--clock", "-3"), "the KPU cannot run at -3 MHz"),
        ((MODEL, "--cpu-clock", "-400"), "the CPU cannot run at -400 MHz"),
        ((MODEL, "--checkpoint", "x"), "compiled already: --checkpoint changes nothing"),
        ((MODEL, "--shape", "3,32,32"), "compiled already: --shape changes nothing"),
        (("tests.cli.test_check:good", "--checkpoint", "x"), "--checkpoint is for methods"),
        ((MODEL, "--clock", "nan"), "clock"),
        ((MODEL, "--what-if", "faster"), "width=0.5"),
        ((MODEL, "--profile", FIXTURES / "none.json"), "k210 fit"),
        ((MODEL, "--profile", MODEL), "k210 fit"),
    ],
)
def test_bad_input_is_one_line(k210_command, arguments, said):
    assert said in k210_command("predict", *arguments).error_line()


def test_a_profile_with_a_price_that_cannot_be_is_refused(k210_command, tmp_path):
    profile = {"schema": 1, "origin": "x", "span": 0.1, "measurements": 3}
    for prices in ({"kpu_cycle": -1}, {"unheard_of": 1}):
        path = tmp_path / "profile.json"
        path.write_text(json.dumps({**profile, "prices_ns": prices}))
        ended = k210_command("predict", MODEL, "--profile", path)
        assert next(iter(prices)) in ended.error_line()


def test_help_needs_nothing_heavy(capsys):
    assert run(["predict", "--help"]) == 0
    assert "--what-if" in capsys.readouterr().out
