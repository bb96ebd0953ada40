import re

import numpy as np
import pytest

from harness.kmodel import load
from harness.kmodel.operations import Copy, KpuConv2d, Pad

INFO = re.compile(
    r"\((\d+), (\d+), ([01]), ([01]), \(([\d, ]+)\), \(([\d, ]+)\), (True|False), '(\w+)'"
)


def shape(text):
    return tuple(int(size) for size in text.split(","))


@pytest.mark.parametrize("index", range(100))
def test_single_layers_are_what_their_descriptions_say(single_layers, index):
    found = INFO.match(str(single_layers["info"][index]))
    number, pool, three, depthwise = (int(found[group]) for group in range(1, 5))
    program = load(single_layers[f"model_{index:03d}"].tobytes())
    (layer,) = (op for op in program.operations if isinstance(op, KpuConv2d))
    assert number == index
    assert layer.registers.pool_type == pool
    assert (layer.kernel, layer.depthwise) == (3 if three else 1, bool(depthwise))
    assert layer.input.shape == shape(found[5])
    assert layer.output.shape == shape(found[6])
    shifts = bool(layer.registers.shift_x or layer.registers.shift_w)
    assert shifts == (found[7] == "True")
    assert program.outputs[0].buffer.shape == single_layers[f"output_{index:03d}"].shape
    assert program.consumed == len(program.data)


def test_negative_multipliers_and_ties_are_in_the_tables(single_layers):
    kinds = {}
    for index, info in enumerate(single_layers["info"]):
        (layer,) = load(single_layers[f"model_{index:03d}"].tobytes()).operations
        kinds.setdefault(INFO.match(str(info))[8], []).append(layer)
    assert any((layer.activation.multiplier < 0).any() for layer in kinds["neg"])
    assert all((layer.activation.shift <= 31).all() for layer in kinds["neg"])


KINDS = {
    "cpu_conv2d_nhwc": "conv2d",
    "cpu_depthwise_conv2d_nhwc": "conv2d",
    "memory_copy": "copy",
    "nnil_hardswish": "unary_program",
    "strided_slice": "slice",
    "table_lookup1d": "lut1d",
}


def kind(name):
    if name in KINDS:
        return KINDS[name]
    known = ("quantized_", "reduce_window2d", "conv2d_transpose", "conv2d")
    for start in known[1:]:
        if name.startswith(start):
            return start
    parts = name.split("_")
    return "_".join(parts[:2]) if name.startswith(known[0]) else parts[0]


@pytest.mark.parametrize("index", range(54))
def test_single_operations(single_operations, index):
    program = load(single_operations[f"model_{index:02d}"].tobytes())
    (operation,) = program.operations
    name = str(single_operations["names"][index])
    if name in ("quantize_ties", "quantize_odd_count"):
        name = "quantize"
    assert operation.kind() == kind(name)
    golden = single_operations[f"output_{index:02d}"]
    assert operation.output.elements == golden.size
    assert operation.output.dtype.numpy == golden.dtype
    inputs = [b for b in operation.inputs if b.memory.value != "constant"]
    given = [
        single_operations[key] for key in single_operations if key.startswith(f"input_{index:02d}_")
    ]
    assert len(program.inputs) == len(given)
    for port, value in zip(program.inputs, given, strict=True):
        assert port.buffer.elements == value.size
        assert any(port.buffer.offset == buffer.offset for buffer in inputs)
    assert program.consumed == len(program.data)


def test_parameters_of_single_operations(single_operations):
    by_name = {
        str(name): load(single_operations[f"model_{index:02d}"].tobytes()).operations[0]
        for index, name in enumerate(single_operations["names"])
    }
    crop = by_name["pad_f32_crop"]
    assert isinstance(crop, Pad)
    assert any(min(pad.before, pad.after) < 0 for pad in crop.paddings)
    assert isinstance(by_name["memory_copy"], Copy)
    assert by_name["conv2d_3x3_s2"].stride == (2, 2)
    assert by_name["conv2d_groups_dil2"].groups == 2
    assert by_name["conv2d_groups_dil2"].dilation == (2, 2)
    assert by_name["cpu_conv2d_nhwc"].channels_last
    assert by_name["cpu_depthwise_conv2d_nhwc"].groups == 3
    assert by_name["resize_bilinear_align_f32"].align_corners
    assert by_name["transpose_u8"].output.shape == (5, 2, 4, 3)
    assert by_name["reduce_mean"].axes == (2, 3)
    assert by_name["concat_axis1_f32"].pieces == (3 * 20 * 4, 2 * 20 * 4)


def test_trailing_bytes_are_not_read(single_operations):
    data = single_operations["model_00"].tobytes()
    program = load(data + bytes(1000))
    assert program.consumed == len(data)
    np.testing.assert_array_equal(program.data[: len(data)], np.frombuffer(data, np.uint8))


def test_a_last_body_may_claim_four_bytes_more_than_there_are(single_operations):
    data = bytearray(single_operations["model_00"].tobytes())
    at = 40 + 2 * 32 + 16 + int.from_bytes(data[16:20], "little") + 4
    size = int.from_bytes(data[at : at + 4], "little")
    data[at : at + 4] = (size + 4).to_bytes(4, "little")
    assert load(bytes(data)).operations[0].kind() == "binary"
