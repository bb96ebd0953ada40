import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.compiler.contract import (
    CONTRACT_FILE,
    CalibrationRecord,
    InputRecord,
    ModelContract,
    OutputRecord,
    read_contract,
    read_onnx,
    sha256,
    weights_sha256,
)
from harness.errors import ContractError
from harness.method import InputContract
from tests.compiler.networks import small_net

finite = st.floats(-1e3, 1e3)
nonzero = finite.filter(lambda x: abs(x) > 1e-6)


@st.composite
def input_contracts(draw):
    color = draw(st.sampled_from(["RGB", "BGR", "GRAY"]))
    channels = 1 if color == "GRAY" else 3
    side = st.integers(1, 512)
    low = draw(finite)
    return InputContract(
        shape=(channels, draw(side), draw(side)),
        color=color,
        range=(low, low + draw(st.floats(1e-3, 1e3))),
        mean=tuple(draw(finite) for _ in range(channels)),
        std=tuple(draw(nonzero) for _ in range(channels)),
        resize=draw(st.sampled_from(["center_crop", "stretch", "letterbox"])),
    )


def model_contract(input_contract, kmodel=b"kmodel"):
    return ModelContract(
        schema=1,
        name="net",
        input=InputRecord.of(input_contract),
        outputs=(OutputRecord(name="logits", shape=(1, 5)),),
        kmodel_sha256=sha256(kmodel),
        weights_sha256="0" * 64,
        compiler="nncase x",
        calibration=CalibrationRecord(method="no_clip", images=8, sha256="1" * 64),
        seeds={"training": 3},
    )


def with_onnx(folder, data):
    """Write a contract for an ONNX model, and return it."""
    digest = {"onnx_sha256": sha256(data)} if data else {}
    return model_contract(InputContract((3, 4, 5))).model_copy(update=digest)


def test_another_onnx_model_is_noticed(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"other")
    with pytest.raises(ContractError, match="not the one that was compiled"):
        read_onnx(tmp_path, with_onnx(tmp_path, b"right"))
    (tmp_path / "model.onnx").write_bytes(b"right")
    assert read_onnx(tmp_path, with_onnx(tmp_path, b"right")) == b"right"


def test_a_contract_of_a_version_that_did_not_hash_the_onnx_model_still_reads(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"any")
    assert read_onnx(tmp_path, with_onnx(tmp_path, b"")) == b"any"


def test_a_folder_of_runs_is_told_which_ones_it_holds(tmp_path):
    for name in ("b", "a", "no run"):
        (tmp_path / name).mkdir()
    for name in ("b", "a"):
        model_contract(InputContract((3, 4, 5))).write(tmp_path / name)
    with pytest.raises(ContractError) as error:
        read_contract(tmp_path)
    assert error.value.remedy.endswith("such as one of these inside: a, b")
    with pytest.raises(ContractError, match=r"there is no folder .*nope"):
        read_contract(tmp_path / "nope")


@given(input_contracts())
def test_round_trip_through_the_file(tmp_path_factory, contract):
    folder = tmp_path_factory.mktemp("contract")
    written = model_contract(contract)
    written.write(folder)
    read = read_contract(folder)
    assert read == written
    assert read.input.to_contract() == contract


def test_the_file_tells_every_field(tmp_path):
    model_contract(InputContract((3, 4, 5))).write(tmp_path)
    data = json.loads((tmp_path / CONTRACT_FILE).read_text())
    assert data["schema"] == 1
    assert set(data["input"]) == {
        "dtype", "layout", "shape", "color", "range", "mean", "std", "resize",
    }  # fmt: skip


def test_another_kmodel_is_noticed():
    contract = model_contract(InputContract((3, 4, 5)), b"right")
    contract.check(b"right")
    with pytest.raises(ContractError, match="not the one"):
        contract.check(b"wrong")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "schema"),
        ({"kmodel_sha256": None}, "kmodel_sha256"),
        ({"input": {}}, "input"),
        ({"outputs": 3}, "outputs"),
    ],
)
def test_a_damaged_file_names_the_field(tmp_path, change, message):
    model_contract(InputContract((3, 4, 5))).write(tmp_path)
    path = tmp_path / CONTRACT_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ContractError, match=message):
        read_contract(tmp_path)


@given(st.integers(0, 300))
def test_a_cut_file_is_an_error_and_nothing_else(tmp_path_factory, length):
    folder = tmp_path_factory.mktemp("cut")
    path = model_contract(InputContract((3, 4, 5))).write(folder)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ContractError):
        read_contract(folder)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(ContractError, match="cannot be read"):
        read_contract(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": (3, 0, 4)},
        {"shape": (1, 4, 4)},
        {"shape": (3, 4, 4), "mean": (0.5,)},
        {"shape": (3, 4, 4), "std": (1.0, 0.0, 1.0)},
        {"shape": (3, 4, 4), "range": (1.0, 1.0)},
        {"shape": (3, 4, 4), "color": "GRAY"},
    ],
)
def test_contradictions_are_refused(wrong):
    with pytest.raises(ContractError):
        InputContract(**wrong)


def test_weights_hash_sees_every_bit():
    module = small_net()
    before = weights_sha256(module)
    assert before == weights_sha256(small_net())
    with torch.no_grad():
        module[0].weight[0, 0, 0, 0] = torch.nextafter(
            module[0].weight[0, 0, 0, 0], torch.tensor(9.0)
        )
    assert weights_sha256(module) != before
