"""The compiler converts by itself, and says why where it cannot."""

import pytest
import torch

from harness.compiler.build import compile_source
from harness.compiler.contract import read_contract
from harness.compiler.source import source_of_module
from harness.compiler.stock import stock_model
from harness.errors import ConversionError
from harness.kmodel import load
from harness.kmodel.firmware import firmware_named
from harness.method import InputContract
from harness.report.contract_view import contract_rows
from tests.convert.conftest import KMODELS
from tests.simulator.graphs import Graph, conv
from tests.simulator.test_differential import compiled, pictures

SHAPE = 3, 16, 24


def test_firmware_of_each_version():
    kmodel = (KMODELS / "mbv1_025_128.kmodel").read_bytes()
    for name, version in (("maixpy-0.6", 4), ("maixpy-0.6-minimum", 3)):
        stock = stock_model(kmodel, firmware_named(name))
        assert stock.data is not None
        assert load(stock.data).version == version
        assert stock.file == f"model.v{version}.kmodel"
        assert stock.file in stock.line


@pytest.mark.sim
def test_both_files_and_one_contract(tmp_path):
    torch.manual_seed(0)
    net = torch.nn.Sequential(conv(3, 4), torch.nn.ReLU(), conv(4, 5)).eval()
    source = source_of_module(net, "net", InputContract(SHAPE), ("y",))
    model = compile_source(source, pictures(4, SHAPE))
    model.write(tmp_path)
    contract = read_contract(tmp_path)
    for name in ("model.kmodel", "model.v4.kmodel"):
        contract.check((tmp_path / name).read_bytes())
    rows = contract_rows(contract.model_dump(mode="json", by_alias=True))
    assert "model.v4.kmodel (kmodel v4" in rows["For stock firmware"]


@pytest.mark.sim
def test_a_model_without_a_way_is_no_error_unless_firmware_was_asked_for():
    torch.manual_seed(0)
    net = Graph(lambda x, a: a(x).cumsum(1), conv(3, 4)).eval()
    kmodel = compiled(net, SHAPE)
    stock = stock_model(kmodel)
    assert stock.data is None
    assert "_cumsum: there is no such operation" in stock.refusal
    assert stock.refusal in stock.line
    with pytest.raises(ConversionError, match="_cumsum"):
        stock_model(kmodel, firmware_named("maixpy-0.6"))
    source = source_of_module(net, "net", InputContract(SHAPE), ("y",))
    model = compile_source(source, pictures(4, SHAPE))
    assert model.contract.stock == ()
    rows = contract_rows(model.contract.model_dump(mode="json", by_alias=True))
    assert "_cumsum" in rows["For stock firmware"]
