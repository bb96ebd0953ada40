import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest

from harness.compiler.contract import read_contract
from tests.compiler.test_lower import FORMS

pytestmark = pytest.mark.sim
NETWORK = "tests.compiler.networks:small_net"
TFLITE = Path(__file__).parent.parent.parent / "fixtures" / "tflite" / "small_cnn.tflite"


def test_a_pytorch_factory(k210_command, pictures, tmp_path):
    out = tmp_path / "net"
    ended = k210_command(
        "compile", NETWORK, "--shape", "3,32,32", "--calibration", pictures, "--out", out, "--json"
    )
    assert ended.code == 0, ended.err
    document = ended.json()
    assert document["kmodel_bytes"] == (out / "model.kmodel").stat().st_size
    assert {o["unit"] for o in document["operations"]} == {"KPU", "CPU"}
    contract = read_contract(out)
    contract.check((out / "model.kmodel").read_bytes())
    assert contract.input.shape == (3, 32, 32)


def test_an_onnx_file_tells_its_own_size(k210_command, pictures, tmp_path):
    model = tmp_path / "net.onnx"
    model.write_bytes(FORMS["unsqueeze, axes as input (13)"])
    ended = k210_command("compile", model, "--calibration", pictures, "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert read_contract(tmp_path / "out").input.shape == (3, 16, 16)
    assert "why not on the KPU" in ended.out


def test_a_tflite_file(k210_command, pictures, tmp_path):
    ended = k210_command("compile", TFLITE, "--calibration", pictures, "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    contract = read_contract(tmp_path / "out")
    assert contract.input.shape == (3, 32, 32)
    assert [output.shape for output in contract.outputs] == [(1, 5)]


def test_tflite_simulates_to_what_tensorflow_computed(tmp_path):
    from harness.backends import Subject, get
    from harness.compiler.build import compile_source
    from harness.method import InputContract
    from harness.pipeline.source import source_of

    expected = np.load(TFLITE.with_suffix(".npz"))
    contract = InputContract((3, 32, 32))
    compiled = compile_source(source_of(str(TFLITE), contract), expected["images"])
    subject = Subject(contract, ("y",), kmodel=compiled.kmodel)
    found = get("nncase").run(subject, expected["images"]).outputs["y"]
    assert np.abs(found - expected["probabilities"]).max() < 0.02


def test_the_folder_is_checked_before_the_work(k210_command, pictures, tmp_path):
    (tmp_path / "letter.txt").write_text("keep me")
    line = k210_command(
        "compile", NETWORK, "--calibration", pictures, "--out", tmp_path
    ).error_line()
    assert "exists and is not a run" in line
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def with_external_weights(folder, scale):
    model = onnx.load_model_from_string(FORMS["reduce max over channels (18)"])
    weights = onnx.numpy_helper.to_array(model.graph.initializer[0]) * np.float32(scale)
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights, "w"))
    folder.mkdir()
    onnx.save_model(model, str(folder / "net.onnx"), save_as_external_data=True, size_threshold=0)
    assert len(list(folder.iterdir())) == 2
    return folder / "net.onnx"


def test_weights_in_files_beside_the_model_count(k210_command, pictures, tmp_path):
    hashes = set()
    for scale in (1.0, 1.7):
        model = with_external_weights(tmp_path / str(scale), scale)
        out = tmp_path / f"out{scale}"
        ended = k210_command("compile", model, "--calibration", pictures, "--out", out, "--json")
        assert ended.code == 0, ended.err
        hashes.add(ended.json()["contract"]["weights_sha256"])
        hashes.add(ended.json()["contract"]["kmodel_sha256"])
        onnx.checker.check_model(str(out / "model.onnx"))
    assert len(hashes) == 4
    next(path for path in (tmp_path / "1.0").iterdir() if path.suffix != ".onnx").unlink()
    line = k210_command(
        "compile", tmp_path / "1.0" / "net.onnx", "--calibration", pictures, "--out", tmp_path / "o"
    ).error_line()
    assert "beside it" in line


@pytest.mark.parametrize("annotated", [False, True])
def test_a_model_for_batches_is_compiled_for_one(k210_command, pictures, tmp_path, annotated):
    import torch

    from tests.compiler.networks import small_net

    path = tmp_path / "NET.ONNX"
    torch.onnx.export(
        small_net(), (torch.zeros(8, 3, 32, 32),), str(path), dynamo=False, opset_version=17
    )
    if annotated:
        onnx.save(onnx.shape_inference.infer_shapes(onnx.load(path, format="protobuf")), str(path))
    ended = k210_command("compile", path, "--calibration", pictures, "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert [output.shape for output in read_contract(tmp_path / "out").outputs] == [(1, 5)]


def test_names_with_brackets_are_shown_as_they_are(k210_command, pictures, tmp_path):
    out = tmp_path / "a [b] [/red] ü"
    ended = k210_command(
        "compile", NETWORK, "--shape", "3,32,32", "--calibration", pictures, "--out", out
    )
    assert ended.code == 0, ended.err
    assert str(out / "model.kmodel") in ended.out


def test_results_of_an_earlier_run_do_not_stay_beside_another_model(
    k210_command, pictures, tmp_path
):
    common = ("--shape", "3,32,32", "--calibration", pictures, "--out", tmp_path / "out")
    k210_command("compare", NETWORK, *common, "--inputs", pictures)
    assert (tmp_path / "out" / "report.json").exists()
    k210_command("compile", NETWORK, *common)
    assert not (tmp_path / "out" / "report.json").exists()


def test_half_precision_is_refused_with_the_way_out(k210_command, pictures, tmp_path):
    model = onnx.load_model_from_string(FORMS["reduce max over channels (18)"])
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    line = k210_command(
        "compile", tmp_path / "net.onnx", "--calibration", pictures, "--out", tmp_path / "out"
    ).error_line()
    assert "float16" in line


def test_a_refused_operation_names_it_and_its_layer(k210_command, pictures, tmp_path):
    model = onnx.load_model_from_string(FORMS["reduce max over channels (18)"])
    model.graph.node[1].op_type = "NonMaxSuppression"
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    line = k210_command(
        "compile", tmp_path / "net.onnx", "--calibration", pictures, "--out", tmp_path / "out"
    ).error_line()
    assert "NonMaxSuppression" in line
    assert not (tmp_path / "out").exists()


def test_mean_and_std_of_tflite_are_refused_with_the_way_out(k210_command, pictures, tmp_path):
    line = k210_command(
        "compile",
        TFLITE,
        "--mean",
        "0.5,0.5,0.5",
        "--calibration",
        pictures,
        "--out",
        tmp_path / "o",
    ).error_line()
    assert "--range" in line


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--shape", "3,64", "--shape '3,64'"),
        ("--shape", "a,b,c", "--shape 'a,b,c'"),
        ("--range", "1", "--range '1'"),
        ("--range", "1,1", "range (1.0, 1.0) is empty"),
        ("--std", "inf,1,1", "no finite number"),
        ("--shape", "3,99999,99999", "above 4096"),
        ("--mean", "0.5", "mean has 1"),
        ("--color", "CMYK", "--color 'CMYK'"),
        ("--resize", "magic", "--resize 'magic'"),
        ("--calibrate", "bogus", "'bogus'"),
        ("--calibration", "nowhere", "nowhere"),
    ],
)
def test_a_wrong_option_is_one_line_and_nothing_is_written(
    k210_command, pictures, tmp_path, option, value, said
):
    arguments = {"--calibration": pictures, "--shape": "3,32,32", "--out": tmp_path / "out"}
    arguments[option] = value
    flat = [text for pair in arguments.items() for text in pair]
    line = k210_command("compile", NETWORK, *flat).error_line()
    assert said in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("command", "limit", "first"),
    [("compile", 2_000, tempfile.gettempdir()), ("compare", 30_000, "report.html")],
)
def test_a_disk_that_fills_up_leaves_no_half_and_the_same_command_goes_on(
    command, limit, first, pictures, tmp_path
):
    """A real write error in the middle of a file, by a limit on the size of files."""
    out = tmp_path / "out"
    arguments = [command, NETWORK, "--shape", "3,32,32", "--calibration", pictures, "--out", out]
    if command == "compare":
        arguments += ["--inputs", pictures, "--backends", "float,nncase"]
    code = f"from harness.cli import main; main({[str(a) for a in arguments]!r})"

    def ended(limit=resource.RLIM_INFINITY):
        def limited():
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))

        command = [sys.executable, "-c", code]
        return subprocess.run(
            command, capture_output=True, text=True, preexec_fn=limited, check=False
        )

    cut = ended(limit)
    assert cut.returncode == 2
    line = cut.stderr.splitlines()[-1]
    assert line.startswith("k210: ")
    assert f"{first}: File too large → make room and give the same command again" in line
    files = {path.name for path in out.rglob("*") if path.is_file()}
    assert "report.json" not in files
    assert not [name for name in files if name.startswith((".model", ".report"))]
    assert ended().returncode == 0
    assert (out / "model.kmodel").is_file()
