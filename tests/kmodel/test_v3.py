import numpy as np
import pytest

from harness.errors import KModelError
from harness.kmodel import load
from harness.kmodel.operations import Activation, KpuConv2d
from tests.kmodel.v3_files import V3File, every_layer, registers

KINDS = [
    "kpu_conv2d",
    "dequantize",
    "binary",
    "quantized_add",
    "global_average_pool",
    "max_pool",
    "average_pool",
    "quantize",
    "lut1d",
    "l2_normalization",
    "softmax",
    "concat",
    "concat",
    "flatten",
    "resize",
    "resize",
    "channelwise_dequantize",
    "sigmoid",
    "kpu_upload",
    "kpu_add_padding",
    "kpu_conv2d",
    "kpu_remove_padding",
    "fully_connected",
]


def test_every_layer_type_is_read():
    program = load(every_layer())
    assert (program.version, program.group) == (3, "0.1")
    assert [operation.kind() for operation in program.operations] == KINDS
    assert [op.name[:3] for op in program.operations] == [f"{i:02d}_" for i in range(len(KINDS))]
    assert program.consumed == len(program.data)


def test_shapes_follow_the_values_through_layers_that_store_counts_only():
    program = load(every_layer())
    by_kind = {operation.kind(): operation for operation in reversed(program.operations)}
    assert by_kind["dequantize"].output.shape == (1, 4, 8, 8)
    assert by_kind["quantize"].output.shape == (1, 4, 8, 8)
    assert by_kind["quantized_add"].output.shape == (1, 4, 8, 8)
    assert by_kind["flatten"].output.shape == (1, 128)
    assert by_kind["resize"].output.shape == (1, 8, 8, 8)
    assert by_kind["channelwise_dequantize"].output.shape == (1, 4, 8, 8)
    full = by_kind["fully_connected"]
    assert full.activation is Activation.RELU
    np.testing.assert_array_equal(program.constant(full.inputs[1]).ravel(), np.arange(12))
    np.testing.assert_array_equal(program.constant(full.inputs[2]), [12, 13, 14])
    (output,) = program.outputs
    assert output.buffer is full.output


def test_the_input_is_that_of_the_first_layer():
    (port,) = load(every_layer()).inputs
    assert (port.name, port.buffer.memory.value, port.buffer.shape) == (
        "input_0",
        "kpu",
        (1, 4, 8, 8),
    )


def test_sixteen_bit_weights():
    program = load(V3File(flags=0).conv(registers()).build())
    (layer,) = program.operations
    assert isinstance(layer, KpuConv2d)
    assert (layer.weights.dtype, layer.weights.shape) == (np.uint16, (4, 4, 1, 1))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (V3File().layer(7, 0).build(), "7 (max pool)"),
        (V3File().layer(99, 0).build(), "layer type is 99"),
        (V3File(main=7 << 20).layer(25, 0, 0, 4).build(), "6291456 bytes of main memory"),
        (V3File(main=8).layer(18, 0, 0, 4, 3, 1, tail=bytes(60)).build(), "a tensor"),
        (V3File().layer(25, 0, 0, 4).build(), "first layer is sigmoid"),
        (V3File().conv(registers(out_width=3)).build(), "output size is (8, 3)"),
        (V3File().conv(registers(depthwise=1, out_channels=8)).build(), "equal numbers"),
        (V3File().conv(registers(kernel_type=2)).build(), "0 (1x1) or 1 (3x3)"),
        (V3File().conv(registers(pool_type=11)).build(), "pool type is 11"),
        (V3File().conv(registers(source_row=32767)).build(), "the layer's input"),
    ],
)
def test_what_cannot_be_is_refused_with_place_value_and_expectation(data, message):
    with pytest.raises(KModelError) as caught:
        load(data)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"kmodel byte {caught.value.offset}: ")
    assert 0 <= caught.value.offset <= len(data)
