import json
import re

import pytest

from harness.cli.app import run
from harness.convert import convert
from harness.errors import ConversionError
from harness.kmodel import load, save
from harness.kmodel.difference import differences
from harness.kmodel.operations import KpuConv2d
from tests.kmodel.conftest import V5
from tests.kmodel.v3_files import V3File, every_layer, registers


@pytest.fixture
def k210(capsys):
    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.mark.parametrize("name", V5)
def test_inspect_shows_every_layer_and_what_they_come_to(k210, kmodels, name, monkeypatch):
    path = kmodels / f"{name}.kmodel"
    program = load(path)
    for columns in (80, 100, 140):
        monkeypatch.setenv("COLUMNS", str(columns))
        code, out, err = k210("inspect", path)
        assert (code, err) == (0, "")
        for operation in program.operations:
            assert re.search(rf"^ {operation.name} +{operation.unit} ", out, re.MULTILINE)
        assert max(map(len, out.splitlines())) <= columns
        assert "…" not in out
        for word in ("version 5, nncase 1.6-1.9", "predicted", "MACs", "of 2048 KB KPU"):
            assert word in out


def test_inspect_as_json(k210, kmodels):
    code, out, _ = k210("inspect", kmodels / "mbv1_025_128.kmodel", "--json", "--clock", "200")
    found = json.loads(out)
    assert code == 0
    assert (found["version"], found["nncase"]) == (5, "1.6-1.9")
    assert found["inputs"][0]["shape"] == [1, 3, 128, 128]
    first = found["layers"][1]
    assert (first["operation"], first["unit"], first["kernel"]) == ("kpu_conv2d", "KPU", "3x3")
    assert first["registers"]["arg_x"] == -128
    assert first["kpu_writes"] == [49152, 49152 + 8 * 64 * 64]
    assert found["totals"]["macs_executed"] == sum(one["macs_executed"] for one in found["layers"])
    assert found["totals"]["kpu_clock_hz"] == 200e6
    times = [one["ms"] for one in found["layers"]]
    # All but the start of the run.
    assert 0 < found["totals"]["ms"] - sum(times) < 1
    on_kpu = [one["ms"] for one in found["layers"] if one["unit"] == "KPU"]
    assert sum(on_kpu) == pytest.approx(found["totals"]["kpu_ms"])


def test_inspect_says_who_loads_a_file(k210, tmp_path, single_operations, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    v3, v4 = tmp_path / "v3.kmodel", tmp_path / "v4.kmodel"
    v3.write_bytes(every_layer())
    v4.write_bytes(single_operations["model_00"].tobytes() + bytes(20000))
    assert "MaixPy, every build" in k210("inspect", v3)[1]
    out = k210("inspect", v4)[1]
    assert "not *_minimum" in out
    assert "20 KB behind the model are not read" in out


def test_a_file_that_is_no_kmodel_is_one_line(k210, tmp_path, kmodels):
    for content, message in (
        (b"", "the file is empty, expected a kmodel"),
        (b"PK\3\4" + bytes(100), r"identifier is b'PK\x03\x04'"),
        (b"LDMK\6\0\0\0", "version is 6, expected 4 or 5"),
        ((kmodels / "acts.kmodel").read_bytes()[:3000], "module size"),
    ):
        path = tmp_path / "bad.kmodel"
        path.write_bytes(content)
        code, out, err = k210("inspect", path)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert message in err
    assert k210("inspect", tmp_path / "missing.kmodel")[0] == 2


def test_diff_of_equal_files(k210, kmodels):
    path = kmodels / "residual.kmodel"
    code, out, _ = k210("diff", path, path)
    assert (code, out) == (0, "residual.kmodel and residual.kmodel do the same\n")


def test_diff_of_two_networks(k210, kmodels):
    files = kmodels / "maxpool_s1.kmodel", kmodels / "avgpool_s1_pad.kmodel"
    code, out, _ = k210("diff", *files)
    assert code == 1
    assert "registers.pool_type" in out
    code, out, _ = k210("diff", *files, "--json")
    found = {(one["where"], one["what"]): one for one in json.loads(out)["differences"]}
    assert code == 1
    pool = found["02_kpu_conv2d", "registers.pool_type"]
    assert (pool["a"], pool["b"]) == ("9", "8")


def test_one_changed_weight_is_found(kmodels):
    data = bytearray((kmodels / "mbv1_025_128.kmodel").read_bytes())
    before = load(bytes(data))
    layer = before.operations[7]
    data[layer.weights_offset + 5] ^= 1
    (found,) = differences(before, load(bytes(data)))
    assert (found.where, found.what) == (layer.name, "weights")
    assert "1 of 1024 values differ, at most by 1" in found.b


def test_an_added_layer_is_one_line_and_not_the_rest_of_the_program():
    one, two = V3File().conv(registers(), 0), V3File().conv(registers(), 0)
    two.layer(12, 0, 1024, 256, 0.5, 1.0)
    found = differences(load(one.build()), load(two.build()))
    added = [one for one in found if one.what == "operation"]
    assert [(one.a, one.b) for one in added] == [("", "dequantize → 1x4x8x8")]


def test_programs_of_different_versions_can_be_compared(kmodels):
    found = differences(load(every_layer()), load(kmodels / "acts.kmodel"))
    assert found[0].what == "version"
    assert any(one.a and not one.b for one in found)
    assert any(one.b and not one.a for one in found)


def assert_only_the_way_around_the_kpu_differs(one, two):
    """KPU layers are all paired and the same; arithmetic differs on the CPU only."""
    for a, b in ((one, two), (two, one)):
        found = differences(a, b)
        assert found[0].what == "version"
        layers = {o.name for o in a.operations if isinstance(o, KpuConv2d)}
        for difference in found:
            if difference.where in layers:
                assert re.fullmatch(r"(in|out)put \d", difference.what), difference
            assert not (difference.a or difference.b).startswith("kpu_conv2d"), difference
    return found


@pytest.mark.parametrize("version", [4, 3])
@pytest.mark.parametrize("name", V5)
def test_diff_of_a_file_and_its_form_in_another_version(kmodels, name, version):
    program = load(kmodels / f"{name}.kmodel")
    try:
        older = load(save(convert(program, version, allow_last_bit=True).program))
    except ConversionError:
        assert version == 3
        return
    assert_only_the_way_around_the_kpu_differs(program, older)


def test_diff_of_the_same_network_by_two_compilers(shared):
    one, two = (load(shared / "kmodels" / f"yolo20_v{version}.kmodel") for version in (3, 4))
    found = {(one.where, one.what): (one.a, one.b) for one in differences(one, two)}
    last = one.operations[-1].name
    assert found[last, "operation"][0].startswith("channelwise_dequantize")
    assert {what for _, what in found} >= {"weights", "batch_norm.multiplier"}
    assert len(differences(two, one)) == len(found)


def test_diff_of_any_two_files(third_party, kmodels):
    programs = [load(file) for file in (*third_party.values(), kmodels / "acts.kmodel")]
    for one in programs:
        for two in programs:
            assert bool(differences(one, two)) == (one is not two)


def test_diff_shows_what_an_operation_of_the_other_version_lacks(k210, kmodels, tmp_path):
    source = kmodels / "residual.kmodel"
    older = tmp_path / "residual.v4.kmodel"
    older.write_bytes(save(convert(load(source), 4).program))
    code, out, err = k210("diff", source, older)
    assert (code, err) == (1, "")
    assert "DequantizeZeroPoint" in out
    assert k210("diff", older, source)[0] == 1
