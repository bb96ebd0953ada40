"""`k210 simulate` on kmodels of every version."""

from __future__ import annotations

import numpy as np
import pytest

KMODELS = "fixtures/kmodels"


@pytest.fixture
def golden(request):
    folder = request.config.rootpath / KMODELS
    return folder / "maxpool_leaky.kmodel", np.load(folder / "maxpool_leaky.npz")


def test_a_kmodel_gives_its_golden_outputs_and_every_layer(k210_command, golden, tmp_path):
    kmodel, arrays = golden
    np.save(tmp_path / "inputs.npy", arrays["input_0"])
    ended = k210_command(
        "simulate", kmodel, "--inputs", tmp_path / "inputs.npy", "--layers",
        "--out", tmp_path / "out", "--json",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    found = np.load(tmp_path / "out" / "outputs" / "kpu" / "output_0.npy")
    np.testing.assert_array_equal(found, arrays["output_0"])
    document = ended.json()
    assert document["items"] == len(arrays["input_0"])
    for layer in document["layers"]:
        values = np.load(tmp_path / "out" / "layers" / f"{layer}.npy")
        assert len(values) == document["items"]


@pytest.mark.sim
def test_pictures_go_in_as_the_contract_beside_the_kmodel_says(k210_command, pictures, tmp_path):
    run = tmp_path / "run"
    common = ("--shape", "3,32,32", "--mean", "0.5,0.4,0.3", "--calibration", pictures)
    k210_command("compare", "tests.compiler.networks:small_net", *common, "--inputs", pictures,
                 "--out", run)  # fmt: skip
    ended = k210_command(
        "simulate", run / "model.kmodel", "--inputs", pictures, "--out", tmp_path / "out"
    )
    assert ended.code == 0, ended.err
    found = np.load(tmp_path / "out" / "outputs" / "kpu" / "output.npy")
    np.testing.assert_array_equal(found, np.load(run / "outputs" / "nncase" / "output.npy"))
    other = run / "model.kmodel"
    other.write_bytes(other.read_bytes()[:-1] + b"\x55")
    line = k210_command(
        "simulate", other, "--inputs", pictures, "--out", tmp_path / "o"
    ).error_line()
    assert "not the one" in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--inputs", "nowhere"], "nowhere"),
        (["--inputs", "README.md"], "README.md"),
        (["--inputs", "fixtures/coins/valid", "--rules", "bogus"], "bogus"),
    ],
)
def test_wrong_input_is_one_line(
    k210_command, golden, tmp_path, arguments, said, request, monkeypatch
):
    monkeypatch.chdir(request.config.rootpath)
    line = k210_command("simulate", golden[0], *arguments, "--out", tmp_path / "out").error_line()
    assert said in line
    assert not (tmp_path / "out").exists()


def test_a_stranger_s_file_is_one_line(k210_command, pictures, tmp_path):
    (tmp_path / "x.kmodel").write_bytes(b"hello" * 40)
    line = k210_command(
        "simulate", tmp_path / "x.kmodel", "--inputs", pictures, "--out", tmp_path / "out"
    ).error_line()
    assert "kmodel" in line
