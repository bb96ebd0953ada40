import numpy as np
import onnx
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from torch import nn

from harness.blame.fix.batch_norm import fold_batch_norms
from harness.blame.fix.equalise import Equalise, map_ranges
from harness.blame.fix.floats import float_outputs
from harness.blame.fix.model import Model
from harness.blame.fix.pairs import column_max, pairs, row_max
from harness.blame.graph import Graph
from tests.blame.fix.seeded import network, pictures, recipe, with_outlier

SAME = 1e-5


def relative_change(before, after, images):
    expected, found = (float_outputs(one.source, images)["y"] for one in (before, after))
    return np.abs(found - expected).max() / np.abs(expected).max()


@given(
    factor=st.floats(1e-2, 1e3),
    channel=st.integers(0, 15),
    by=st.sampled_from(["maps", "weights"]),
    activation=st.sampled_from([nn.ReLU, nn.PReLU, nn.Identity, lambda: nn.LeakyReLU(0.1)]),
)
@settings(max_examples=8)
def test_the_float_function_stays(factor, channel, by, activation):
    before = recipe(with_outlier(network(activation), factor, channel), pictures(4))
    after = Equalise(by).apply(before)
    assert after is not None
    assert relative_change(before, after, pictures(6, seed=9)) < SAME


def test_channels_of_the_maps_become_alike():
    before = recipe(with_outlier(network()), pictures(8))
    after = Equalise("maps").apply(before)
    spread = []
    for one in (before, after):
        found = pairs(Model(one.source.data))
        widest = [values.behind for values in map_ranges(found, one).values()]
        spread.append(max(float(each.max() / np.median(each)) for each in widest))
    assert spread[0] > 50
    assert spread[1] < 10


def test_weights_on_both_sides_become_alike():
    before = recipe(with_outlier(network(nn.PReLU)), pictures(2))
    model = Model(Equalise("weights").apply(before).source.data)
    for pair in pairs(model):
        ratio = row_max(model, pair.first) / column_max(model, pair.second)
        assert ratio.max() / ratio.min() < 1.05


def test_a_relu6_stays_what_it_is_on_the_calibration_images():
    images = pictures(8)
    before = recipe(with_outlier(network(nn.ReLU6), 40.0), images)
    after = Equalise("maps").apply(before)
    assert relative_change(before, after, images) < SAME
    assert [n.op_type for n in Model(after.source.data).nodes].count("Clip") == 3


def test_a_relu_in_place_of_a_relu6_is_another_function_where_it_was_at_its_ceiling():
    images = pictures(8)
    before = recipe(with_outlier(network(nn.ReLU6), 40.0), images)
    after = Equalise("maps", relu=True).apply(before)
    assert relative_change(before, after, images) > 0.01
    assert "Clip" not in [n.op_type for n in Model(after.source.data).nodes]
    assert "relu6 to relu" in after.applied[0]


def test_without_a_relu6_there_is_none_to_replace():
    assert Equalise("maps", relu=True).apply(recipe(network(), pictures(2))) is None


class Branches(nn.Module):
    """One map is read twice, one weight is used twice, one map is flattened."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 6, 3, 4, 1)
        self.twice = nn.Conv2d(6, 6, 1)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(6 * 4 * 4, 3)
        with torch.no_grad():
            self.stem.weight[2] *= 50

    def forward(self, x):
        x = torch.relu(self.stem(x))
        x = torch.relu(self.twice(x)) + x
        return self.head(self.pool(torch.relu(self.twice(x))).flatten(1))


def test_branches_shared_weights_and_flattened_maps():
    before = recipe(Branches().eval(), pictures(4))
    found = pairs(Model(before.source.data))
    assert [(pair.second.op_type, pair.repeat) for pair in found] == [("Gemm", 16)]
    after = Equalise("maps").apply(before)
    assert relative_change(before, after, pictures(4, seed=3)) < SAME


def test_batch_norms_that_stand_alone_are_folded():
    rng = np.random.default_rng(0)
    tables = {
        "w": rng.normal(size=(4, 3, 3, 3)), "scale": rng.uniform(0.5, 2, 4),
        "shift": rng.normal(size=4), "mean": rng.normal(size=4), "var": rng.uniform(0.5, 2, 4),
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["a", "scale", "shift", "mean", "var"], ["y"], "n"),
    ]
    shapes = [("x", (1, 3, 8, 8)), ("y", (1, 4, 8, 8))]
    x, y = (helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in shapes)
    stored = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in tables.items()]
    graph = helper.make_graph(nodes, "g", [x], [y], stored)
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]).SerializeToString()
    model = Model(data)
    fold_batch_norms(model)
    folded = model.data()
    assert [node.op_type for node in Model(folded).nodes] == ["Conv"]
    picture = torch.from_numpy(rng.normal(size=(1, 3, 8, 8)).astype(np.float32))
    expected, found = (Graph(one).run(picture)["y"] for one in (data, folded))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_constant_that_two_nodes_share_is_changed_for_one_of_them():
    data = recipe(network(), pictures(2, 1)).source.data
    model = Model(data)
    first, second, *_ = [node for node in model.nodes if node.op_type == "Conv"]
    second.input[1] = shared = first.input[1]
    before = model.constants[shared].copy()
    for factor in (2.0, 3.0):
        model.set_constant(first, 1, before * factor)
    assert np.array_equal(model.constant(second, 1), before)
    assert np.array_equal(model.constant(first, 1), before * 3)
    # What was given before is not kept: twenty rounds of equalising take no more memory than one.
    assert len(model.constants) == len(Model(data).constants) + 1
