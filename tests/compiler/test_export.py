import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from harness.backends.floating import to_float
from harness.compiler import onnx_graph
from harness.compiler.export import to_onnx
from harness.compiler.source import source_of_module
from harness.errors import CompileError
from harness.method import InputContract
from tests.compiler.networks import TwoOutputs, small_net

CONTRACT = InputContract((3, 32, 40))


def run_onnx(data, images, contract):
    low, high = contract.range
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    scaled = (low + images * ((high - low) / 255)).astype(np.float32)
    return session.run(None, {session.get_inputs()[0].name: scaled})


unit = st.floats(-1, 1).map(lambda x: round(x, 3))


@settings(max_examples=15, deadline=None)
@given(
    mean=st.tuples(unit, unit, unit),
    std=st.tuples(*[st.floats(0.1, 2).map(lambda x: round(x, 3))] * 3),
    low=st.sampled_from([-1.0, 0.0, 0.5]),
    seed=st.integers(0, 1000),
)
def test_the_exported_model_is_the_module_with_its_normalisation(mean, std, low, seed):
    contract = InputContract((3, 32, 40), range=(low, 1.0), mean=mean, std=std)
    images = np.random.default_rng(seed).integers(0, 256, (1, *contract.shape), dtype=np.uint8)
    module = small_net()
    source = source_of_module(module, "t", contract, ("y",))
    with torch.no_grad():
        expected = module(torch.from_numpy(to_float(images, contract))).numpy()
    (found,) = run_onnx(source.data, images, contract)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_normalisation_leaves_the_border_as_pytorch_pads_it():
    # Zero padding stands for `mean`; a convolution that sums its window shows the difference.
    box = nn.Conv2d(3, 1, 3, padding=1, bias=False)
    nn.init.ones_(box.weight)
    contract = InputContract((3, 8, 8), mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    images = np.full((1, 3, 8, 8), 200, np.uint8)
    source = source_of_module(box, "t", contract, ("y",))
    with torch.no_grad():
        expected = box(torch.from_numpy(to_float(images, contract))).numpy()
    (found,) = run_onnx(source.data, images, contract)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_contract_without_mean_and_std_adds_no_layer():
    plain = to_onnx(small_net(), CONTRACT, ("y",))
    assert onnx_graph.with_normalisation(plain, CONTRACT) == plain


def test_every_tensor_has_a_shape():
    source = source_of_module(TwoOutputs(), "t", CONTRACT, ("a", "b"))
    assert onnx_graph.outputs(source.data) == [("a", (1, 4, 32, 40)), ("b", (1, 6, 16, 20))]
    graph = onnx_graph.parse(source.data).graph
    known = {value.name for value in [*graph.value_info, *graph.output]}
    assert {name for node in graph.node for name in node.output} <= known


def test_wrong_input_size_is_said():
    class Picky(nn.Module):
        def forward(self, x):
            return x.reshape(1, 3, 100)

    with pytest.raises(CompileError, match=r"fails on an input of shape \(1, 3, 32, 40\)"):
        to_onnx(Picky(), CONTRACT, ("y",))


def test_wrong_number_of_outputs_is_said():
    with pytest.raises(CompileError, match="returns 2 tensors but 1 output names"):
        to_onnx(TwoOutputs(), CONTRACT, ("y",))


def test_outputs_that_are_no_tensors_are_said():
    class Talks(nn.Module):
        def forward(self, x):
            return {"y": x}

    with pytest.raises(CompileError, match="returns dict"):
        to_onnx(Talks(), CONTRACT, ("y",))


@pytest.mark.parametrize("shape", [(), (-1,)])
def test_outputs_without_a_batch_axis_are_said(shape):
    class Flat(nn.Module):
        def forward(self, x):
            return x.reshape(-1) if shape else x.mean()

    with pytest.raises(CompileError, match="batch axis"):
        to_onnx(Flat(), CONTRACT, ("y",))


def test_any_error_of_the_users_code_is_told():
    class Careless(nn.Module):
        def forward(self, x):
            return [x][3]

    with pytest.raises(CompileError, match="list index out of range"):
        to_onnx(Careless(), CONTRACT, ("y",))


def test_what_onnx_lacks_is_said():
    class Odd(nn.Module):
        def forward(self, x):
            return torch.special.i0(x)

    with pytest.raises(CompileError, match="could not export") as caught:
        to_onnx(Odd(), CONTRACT, ("y",))
    assert "i0" in str(caught.value)
