import numpy as np
import pytest
from torch import nn

from harness.blame.fix.fallback import FloatLayers, float_layers
from harness.blame.fix.floats import float_outputs
from harness.blame.fix.model import Model
from harness.compiler.legalise.graph import layer
from harness.errors import UsageError
from tests.blame.fix.seeded import network, pictures, recipe

LAYERS = {
    "3x3": nn.Conv2d(8, 8, 3, padding=1),
    "3x3 stride 2": nn.Conv2d(8, 8, 3, 2, 1),
    "3x3 without padding": nn.Conv2d(8, 8, 3),
    "depthwise": nn.Conv2d(8, 8, 3, padding=1, groups=8),
    "1x1": nn.Conv2d(8, 8, 1),
    "linear": nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)),
}


def around(layer):
    after = nn.Identity() if isinstance(layer, nn.Sequential) else nn.Conv2d(8, 8, 1)
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), layer, nn.ReLU(), after).eval()


@pytest.mark.sim
@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_goes_to_the_cpu_and_stays_the_same_function(kind):
    images = pictures(4)
    before = recipe(around(LAYERS[kind]), images)
    node = next(
        layer(node)
        for node in Model(before.source.data).nodes
        if layer(node).startswith("/2/") and node.op_type in ("Conv", "Gemm")
    )
    after = FloatLayers((node,)).apply(before)
    expected, found = (float_outputs(one.source, images)["y"] for one in (before, after))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    units = [
        {placed.unit for placed in one.compile().placement if placed.operation.endswith("Conv2D")
         and placed.layer.startswith(node)}
        for one in (before, after)
    ]  # fmt: skip
    assert units == [{"KPU"}, {"CPU"}]
    assert after.applied == (f"float layers {node}",)


@pytest.mark.sim
def test_the_relu_of_a_float_layer_is_not_looked_up_in_bytes():
    after = FloatLayers(("/2/Conv",)).apply(recipe(network(), pictures(2)))
    placement = after.compile().placement
    assert not any(placed.operation == "TableLookup1D" for placed in placement)


def test_what_is_no_kpu_convolution_is_left_alone():
    net = nn.Sequential(nn.Conv2d(3, 4, 5, padding=2), nn.ReLU()).eval()
    assert FloatLayers(("/0/Conv",)).apply(recipe(net, pictures(1))) is None


def test_a_node_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(UsageError, match=r"'/9/Conv'.*/0/Conv"):
        FloatLayers(("/9/Conv",)).apply(recipe(network(), pictures(1)))


def test_a_layer_is_tried_alone_and_with_the_one_that_reads_it():
    source = recipe(network(), pictures(1)).source
    found = [fix.nodes for fix in float_layers(source, ("/2/Conv", "/1/Relu", "/6/Conv"))]
    assert found == [("/2/Conv",), ("/6/Conv",), ("/2/Conv", "/4/Conv")]
