import onnx
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from harness.compiler.export import to_onnx
from harness.method import InputContract
from harness.pipeline.check.names import module_path, source_nodes


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)
        self.tail = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sequential(nn.Conv2d(3, 3, 1)))

    def forward(self, x):
        return x + self.tail(self.first(x))


class Deep(nn.Module):
    """Containers in containers, lists, and a module with the name of another one elsewhere."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.tail = nn.Sequential(Block(), nn.Sequential(Block(), nn.Conv2d(3, 3, 1)))

    def forward(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return torch.softmax(self.tail(x), 1)


def test_every_convolution_finds_the_module_that_it_came_from():
    torch.manual_seed(0)
    net = Deep().eval()
    model = onnx.load_model_from_string(to_onnx(net, InputContract((3, 8, 8)), ("y",)))
    weights = {one.name for one in model.graph.initializer}
    modules = dict(net.named_modules())
    seen = set()
    for node in model.graph.node:
        if node.op_type != "Conv":
            continue
        path = module_path(node.name, modules)
        assert isinstance(modules[path], nn.Conv2d)
        # Equal tensors are stored once by the exporter: biases of zero, never these weights.
        assert node.input[1] in weights
        assert node.input[1] == f"{path}.weight"
        seen.add(path)
    assert seen == {name for name, one in modules.items() if isinstance(one, nn.Conv2d)}
    assert module_path("/Softmax", modules) == ""
    assert module_path("/blocks.1/Add", modules) == "blocks.1"


def test_operations_are_known_by_the_beginning_of_their_names():
    nodes = ["/a/Conv", "/a/Conv_1", "/b/Relu"]
    layers = ["/a/Conv", "/a/Conv.DepthToSpace.1", "/a/Conv_1/quantize", "output_F", "/b/Relu"]
    expected = ("/a/Conv", "/a/Conv", "/a/Conv_1", "/a/Conv_1", "/b/Relu")
    assert source_nodes(layers, nodes) == expected
    assert source_nodes(["made up"], nodes) == ("",)


@given(st.lists(st.text(), max_size=5), st.lists(st.text(min_size=1), max_size=5))
def test_any_names_give_one_answer_each(layers, nodes):
    found = source_nodes(layers, nodes)
    assert len(found) == len(layers)
    assert set(found) <= {*nodes, ""}
