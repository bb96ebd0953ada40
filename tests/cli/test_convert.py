"""`k210 convert` as a user meets it."""

import json
import os
import shutil

import numpy as np
import pytest

from harness.compiler.contract import ModelContract, OutputRecord, read_contract, sha256
from harness.kmodel import load
from tests.convert.programs import run
from tests.kmodel.conftest import FOLDER

SOURCE = "mbv1_025_128"


@pytest.fixture
def kmodel(tmp_path):
    """A kmodel v5 in a folder of its own."""
    (tmp_path / "in").mkdir()
    return shutil.copy(FOLDER / f"{SOURCE}.kmodel", tmp_path / "in" / "model.kmodel")


@pytest.mark.parametrize("version", ["v4", "v3"])
def test_the_file_computes_the_same(k210_command, kmodel, tmp_path, version):
    out = tmp_path / "out" / "model.kmodel"
    ended = k210_command("convert", kmodel, out, "--to", version)
    assert ended.code == 0, ended.err
    assert "32_quantize" in ended.out
    assert out.name in ended.out.splitlines()[-1]
    assert "contract.json" in ended.out
    golden = np.load(FOLDER / f"{SOURCE}.npz")
    program = load(out)
    assert program.version == int(version[1:])
    (found,) = run(program, [golden["input_0"]])
    assert found.tobytes() == golden["output_0"].tobytes()


def test_output_shapes_go_into_a_contract(k210_command, kmodel, tmp_path):
    out = tmp_path / "out" / "small.kmodel"
    document = k210_command("convert", kmodel, out, "--to", "v4", "--json").json()
    contract = read_contract(out.parent)
    contract.check(out.read_bytes())
    assert [output.shape for output in contract.outputs] == [(1, 10)]
    assert document["outputs"] == [{"name": "output_0", "shape": [1, 10]}]
    assert document["sha256"] == contract.stock[0].sha256 == sha256(out.read_bytes())
    assert document["budget"]["heap"] == document["budget"]["main"] + document["budget"]["file"]
    inputs = tmp_path / "x.npy"
    np.save(inputs, np.load(FOLDER / f"{SOURCE}.npz")["input_0"])
    ended = k210_command("simulate", out, "--inputs", inputs, "--out", tmp_path / "run")
    assert ended.code == 0, ended.err


def test_the_contract_beside_the_input_is_extended(k210_command, kmodel, tmp_path):
    folder = tmp_path / "in"
    outputs = (OutputRecord(name="logits", shape=(1, 10)),)
    digest = sha256((folder / "model.kmodel").read_bytes())
    ModelContract(schema=1, name="net", outputs=outputs, kmodel_sha256=digest).write(folder)
    for file in (folder / "model.v4.kmodel", tmp_path / "elsewhere" / "net.kmodel"):
        ended = k210_command("convert", kmodel, file, "--to", "v4")
        assert ended.code == 0, ended.err
        contract = read_contract(file.parent)
        assert contract.outputs == outputs
        contract.check(file.read_bytes())
        contract.check((folder / "model.kmodel").read_bytes())


def test_two_files_of_one_model_share_a_contract(k210_command, kmodel, tmp_path):
    files = [tmp_path / "out" / f"model.{version}.kmodel" for version in ("v3", "v4", "v3")]
    for file in files:
        ended = k210_command("convert", kmodel, file, "--to", file.name.split(".")[1])
        assert ended.code == 0, ended.err
    contract = read_contract(tmp_path / "out")
    assert sorted(one.version for one in contract.stock) == [3, 4]
    for file in files:
        contract.check(file.read_bytes())


def test_an_older_model_s_contract_is_replaced(k210_command, tmp_path):
    out = tmp_path / "model.out"
    for name in ("residual", SOURCE):
        ended = k210_command("convert", FOLDER / f"{name}.kmodel", out, "--to", "v4", "--json")
        assert ended.code == 0, ended.err
        assert not ended.json()["remark"]
    read_contract(tmp_path).check(out.read_bytes())


def test_a_stranger_s_contract_stays(k210_command, kmodel, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    ModelContract(schema=1, name="other", outputs=(), kmodel_sha256="0" * 64).write(folder)
    before = (folder / "contract.json").read_bytes()
    ended = k210_command("convert", kmodel, folder / "a.kmodel", "--to", "v4", "--json")
    assert ended.code == 0, ended.err
    assert "belongs to another model" in ended.json()["remark"]
    assert ended.json()["contract"] is None
    assert (folder / "contract.json").read_bytes() == before
    (folder / "contract.json").write_text("{}")
    ended = k210_command("convert", kmodel, folder / "a.kmodel", "--to", "v4", "--json")
    assert "no contract of ours" in ended.json()["remark"]
    assert (folder / "contract.json").read_text() == "{}"


def test_the_firmware_says_the_version(k210_command, kmodel, tmp_path):
    out = tmp_path / "model.out"
    ended = k210_command("convert", kmodel, out, "--firmware", "maixpy-0.6-minimum", "--json")
    assert ended.json()["version"] == load(out).version == 3
    assert ended.json()["firmware"]["heap_confidence"] == "documented"
    ended = k210_command("convert", kmodel, out, "--firmware", "canmv-1.0", "--json")
    assert ended.json()["version"] == load(out).version == 4


def written(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{in}", "{out}"), "nothing says which version"),
        (("{in}", "{out}", "--firmware", "maixpy-7"), "choose from: maixpy-0.4"),
        (("{in}", "{out}", "--to", "v4", "--firmware", "maixpy-0.4"), "does not load kmodel v4"),
        (("{in}", "{in}", "--to", "v4"), "is the input itself"),
        (("{in}", "{link}", "--to", "v4"), "is the input itself"),
        (("{in}", "{folder}", "--to", "v4"), "is a folder"),
        (("{in}", "{folder}/contract.json", "--to", "v4"), "name of a contract"),
        (("{missing}", "{out}", "--to", "v4"), "No such file"),
        (("{cut}", "{out}", "--to", "v4"), "kmodel byte"),
        (("{text}", "{out}", "--to", "v4"), "kmodel byte"),
        (("{refused}", "{out}", "--to", "v3"), "06_slice"),
        (("{in}", "{in}/x.kmodel", "--to", "v4"), ""),
        (("{in}", "{out}", "--to", "v5"), "nothing converts to 'v5' → choose from: v3, v4"),
        (("{empty}", "{out}", "--to", "v4"), "the file is empty"),
        (("{in}", "{closed}", "--to", "v4"), "/proc/model.kmodel: No such file"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    k210_command, kmodel, tmp_path, arguments, message
):
    os.link(kmodel, tmp_path / "link.kmodel")
    raw = (FOLDER / f"{SOURCE}.kmodel").read_bytes()
    (tmp_path / "cut.kmodel").write_bytes(raw[: len(raw) // 2])
    (tmp_path / "empty.kmodel").touch()
    (tmp_path / "text.kmodel").write_text("not a kmodel at all")
    places = {
        "in": kmodel,
        "out": tmp_path / "out.kmodel",
        "link": tmp_path / "link.kmodel",
        "folder": tmp_path / "in",
        "missing": tmp_path / "missing.kmodel",
        "cut": tmp_path / "cut.kmodel",
        "text": tmp_path / "text.kmodel",
        "empty": tmp_path / "empty.kmodel",
        "closed": "/proc/model.kmodel",
        "refused": FOLDER / "stride4.kmodel",
    }
    before = written(tmp_path)
    ended = k210_command("convert", *(one.format(**places) for one in arguments))
    assert message in ended.error_line()
    assert written(tmp_path) == before
    assert (tmp_path / "in" / "model.kmodel").read_bytes() == raw


def test_a_model_over_the_firmware_s_memory(k210_command, tmp_path, monkeypatch, kmodel):
    from dataclasses import replace

    from harness.kmodel import firmware

    small = replace(firmware.FIRMWARES["maixpy-0.6"], heap=100_000)
    monkeypatch.setitem(firmware.FIRMWARES, "maixpy-0.6", small)
    out = tmp_path / "out.kmodel"
    line = k210_command("convert", kmodel, out, "--firmware", "maixpy-0.6").error_line()
    assert "does not fit maixpy-0.6: heap" in line
    assert "of 98 KiB" in line
    assert not out.exists()


def test_what_may_differ_is_listed(k210_command, tmp_path):
    source, out = FOLDER / "acts.kmodel", tmp_path / "out.kmodel"
    line = k210_command("convert", source, out, "--to", "v3").error_line()
    assert "--allow-last-bit" in line
    ended = k210_command("convert", source, out, "--to", "v3", "--allow-last-bit", "--json")
    assert [one["name"] for one in ended.json()["may_differ"]] == ["08_softmax"]
    assert json.loads((tmp_path / "contract.json").read_text())["stock"][0]["version"] == 3
