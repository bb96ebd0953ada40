"""Random networks of all that a network is made of, with no fault in them: nobody is blamed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from harness.backends.floating import to_float
from harness.blame.analyse import Suspect, analyse
from harness.blame.result import Blame
from harness.compiler.build import compile_source
from harness.compiler.source import source_of_module
from harness.errors import UsageError
from harness.method import InputContract
from tests.blame import networks

pytestmark = pytest.mark.sim

# Few layers each: PReLU on the chip, dilation, groups, two branches that are joined, an instance
# normalisation.
FAST = (0, 1, 8, 26)
SLOW = tuple(seed for seed in range(64) if seed not in FAST)
LEAST_WEIGHTS_DB, LEAST_KPU_DB = 15.0, 25.0


def blamed(
    net: nn.Module, contract: InputContract, images: np.ndarray, **rewrites: str
) -> tuple[Blame, Suspect]:
    """Compile a network, with rewrites of the legaliser, and look at it."""
    source = source_of_module(net.eval(), "net", contract, ("out",))
    compiled = compile_source(source, images, rewrites=rewrites)
    with torch.inference_mode():
        floats = {"out": net(torch.from_numpy(to_float(images, contract))).numpy()}
    suspect = Suspect(
        "net",
        contract,
        source.data,
        compiled.kmodel,
        images,
        rewrites=rewrites,
        calibration=images,
        placed=compiled.placement,
        floats=floats,
    )
    return analyse(suspect), suspect


def found_right(blame: Blame) -> None:
    """Make sure that nobody is blamed, and that the columns are those of a healthy network."""
    assert blame.verdict.stage == "none", blame.verdict
    for row in blame.rows:
        if row.unit == "KPU":
            assert row.node, row
            snr = row.alone["kpu"].snr_db
            assert snr is None or snr >= LEAST_KPU_DB, row
        for errors in (row.alone, row.accumulated):
            assert not any(error.not_finite for error in errors.values()), row
    weights = blame.outputs["out"]["weights"].snr_db
    assert weights is None or weights >= LEAST_WEIGHTS_DB, blame.outputs


@pytest.mark.parametrize(
    "seed", [*FAST, *(pytest.param(seed, marks=pytest.mark.slow) for seed in SLOW)]
)
def test_nobody_is_to_blame_for_a_network_without_fault(seed):
    net, contract = networks.network(seed)
    blame, _ = blamed(net, contract, networks.pictures(contract, seed))
    found_right(blame)


CONTRACT = InputContract((3, 24, 28))


def between(*layers: nn.Module) -> nn.Sequential:
    """A convolution in front of some layers, and one behind."""
    torch.manual_seed(0)
    first, last = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 4, 3, padding=1)
    return nn.Sequential(first, nn.ReLU(), *layers, nn.ReLU(), last)


def made(layer: type[nn.Module], *args: int, **kwargs: int) -> nn.Module:
    torch.manual_seed(1)
    return layer(*args, **kwargs)


FORMS = {
    "transposed": lambda: (between(made(nn.ConvTranspose2d, 8, 8, 4, stride=2, padding=1)), {}),
    "dilated": lambda: (between(made(nn.Conv2d, 8, 8, 3, padding=2, dilation=2)), {}),
    "dilated, packed": lambda: (
        between(made(nn.Conv2d, 8, 8, 3, padding=2, dilation=2)),
        {"kernel": "kpu"},
    ),
    "grouped": lambda: (between(made(nn.Conv2d, 8, 8, 3, padding=1, groups=2)), {}),
    "5x5": lambda: (between(made(nn.Conv2d, 8, 8, 5, padding=2)), {}),
    "instance norm": lambda: (
        between(made(nn.Conv2d, 8, 8, 3, padding=1), nn.InstanceNorm2d(8)),
        {},
    ),
    "group norm": lambda: (between(made(nn.Conv2d, 8, 8, 3, padding=1), nn.GroupNorm(2, 8)), {}),
    "dilated, hard swish": lambda: (
        between(made(nn.Conv2d, 8, 8, 3, padding=2, dilation=2), nn.Hardswish()),
        {},
    ),
}


@pytest.mark.parametrize(
    "form",
    ["transposed", *(pytest.param(f, marks=pytest.mark.slow) for f in FORMS if f != "transposed")],
)
def test_layers_that_were_rewritten_stand_for_those_they_came_from(form):
    net, rewrites = FORMS[form]()
    blame, suspect = blamed(net, CONTRACT, networks.pictures(CONTRACT, 0), **rewrites)
    found_right(blame)
    nodes = {name for row in blame.rows for name in row.node.split(", ")}
    modules = {name for row in blame.rows for name in row.module.split(", ")}
    assert "2" in modules
    from harness.blame.graph import Graph

    # Rows are told by the exported model's nodes, not by those that stand for them.
    assert nodes - {""} <= {node.name for node in Graph(suspect.onnx).nodes}


def test_the_operations_of_a_normalisation_are_those_of_its_module():
    net, _ = FORMS["instance norm"]()
    blame, _ = blamed(net, CONTRACT, networks.pictures(CONTRACT, 0))
    found_right(blame)
    some = [row for row in blame.rows if row.node == "/3/InstanceNormalization"]
    assert len(some) > 20
    assert not [row for row in blame.rows if row.remark.startswith("no counterpart")]
    assert all((row.alone["kpu"].snr_db or 200) > 100 for row in some)


def test_constants_in_place_of_statistics_are_another_function_and_are_named():
    net, _ = FORMS["instance norm"]()
    images = networks.pictures(CONTRACT, 0)
    blame, suspect = blamed(net, CONTRACT, images, norm="fold")
    assert blame.verdict.stage == "compiler", blame.verdict
    assert any("/3/InstanceNormalization became constants" in one for one in blame.verdict.evidence)
    assert all((row.alone["kpu"].snr_db or 200) > LEAST_KPU_DB for row in blame.rows)
    from dataclasses import replace

    with pytest.raises(UsageError, match="calibration"):
        analyse(replace(suspect, calibration=None))


def test_a_table_that_gives_one_code_stops_nothing():
    """A ReLU on the CPU that never opens is a table of one value."""
    net, _ = FORMS["5x5"]()
    with torch.no_grad():
        net[2].bias.fill_(-100)
    blame, _ = blamed(net, CONTRACT, networks.pictures(CONTRACT, 0))
    assert blame.verdict.stage == "none", blame.verdict


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("bad", [float("nan"), pytest.param(float("inf"), marks=pytest.mark.slow)])
def test_layers_whose_floats_are_no_numbers_say_so(bad):
    net = between(made(nn.Conv2d, 8, 8, 1))
    with torch.no_grad():
        net[2].weight[0, 0] = bad
    blame, _ = blamed(net, CONTRACT, networks.pictures(CONTRACT, 0))
    rows = {row.module: row for row in blame.rows}
    assert [module for module, row in rows.items() if row.not_finite] == ["2, 3", "4"]
    assert np.isnan(rows["2, 3"].alone["kpu"].snr_db)
    assert np.isnan(blame.outputs["out"]["kpu"].cosine)
    assert rows["0, 1"].alone["kpu"].snr_db > LEAST_KPU_DB
