import struct

import numpy as np
import pytest

from harness.errors import KModelError
from harness.kmodel import load
from harness.kmodel.operations import KpuConv2d
from harness.kmodel.v5.releases import RELEASES
from tests.kmodel.conftest import V5
from tests.kmodel.v5_files import Code, calling_file, stackvm_file

LDC, LEA, SHAPE, PADDINGS = 0x02, 0x17, 0x31, 0x32

# README of the goldens: convolutions by pool kind, and the CPU operations in order.
CONTENT = {
    "acts": ({0: 3, 5: 1}, "dequantize reduce softmax"),
    "acts_raw": ({0: 4, 5: 1}, "dequantize"),
    "avgpool_s1": ({0: 2, 5: 1}, "dequantize reduce_window2d quantize dequantize"),
    "avgpool_s1_pad": ({0: 1, 5: 1, 8: 1}, "dequantize"),
    "maxpool_leaky": ({0: 1, 1: 2, 2: 1}, "dequantize"),
    "maxpool_s1": ({0: 1, 5: 1, 9: 1}, "dequantize"),
    "mbv1_025_128": ({0: 23, 5: 5}, "dequantize reduce pad quantize dequantize copy copy"),
    "odd_37x23": ({0: 5, 5: 1}, "dequantize pad quantize dequantize"),
    "residual": ({0: 5, 5: 1}, "dequantize dequantize quantize dequantize"),
    "stride4": ({0: 3}, "dequantize quantize slice dequantize"),
    "upsample_nearest": ({0: 3, 5: 2}, "dequantize dequantize resize quantize dequantize"),
}


@pytest.mark.parametrize("name", V5)
def test_goldens_have_the_layers_that_they_were_made_with(kmodels, name):
    program = load(kmodels / f"{name}.kmodel")
    golden = np.load(kmodels / f"{name}.npz")
    pools = {}
    for operation in program.operations:
        if isinstance(operation, KpuConv2d):
            kind = operation.registers.pool_type
            pools[kind] = pools.get(kind, 0) + 1
    kinds = [op.kind() for op in program.operations if not op.kind().startswith("kpu_")]
    assert (pools, kinds) == (CONTENT[name][0], CONTENT[name][1].split())
    assert (program.version, program.group, program.candidates) == (5, "1.6-1.9", ("1.6-1.9",))
    assert program.consumed == len(program.data)
    assert program.inputs[0].buffer.shape == (1, *golden["input_0"].shape[1:])
    assert program.outputs[0].buffer.shape == (1, *golden["output_0"].shape[1:])


def group(release):
    return f"{release.group} ({release.releases})"


@pytest.mark.parametrize("release", RELEASES, ids=group)
def test_each_release_is_told_by_its_numbers_and_operands(release):
    """Unary, transpose and pad, numbered and packed as the release does."""
    code = Code(release)
    code.shape(0, 1, 2, 3, 4).shape(1, 24, 12, 4, 1).shape(2, 0, 2, 3, 1).shape(3, 1, 3, 4, 2)
    code.shape(4, 24, 8, 2, 1).paddings(0, 4).shape(5, 1, 3, 4, 4).shape(6, 48, 16, 4, 1)
    code.push(code.input(0), code.data(0)).tensor("unary", 9, 0, 1, 1, op=len(release.unary) - 1)
    code.push(code.data(0), code.data(96)).tensor("transpose", 9, 0, 1, 4, 2)
    code.push(code.data(96), code.output(0), 0.5).tensor("pad", 9, 3, 4, 6, 0, 0)
    program = load(stackvm_file(code, (1, 2, 3, 4), (1, 3, 4, 4), data=192))
    unary, transpose, pad = program.operations
    assert release.group in program.candidates
    assert transpose.perm == (0, 2, 3, 1)
    assert transpose.output.shape == (1, 3, 4, 2)
    assert pad.output.shape == (1, 3, 4, 4)
    assert pad.value == 0.5
    if program.candidates == (release.group,) and release.group != "1.0-beta1":
        assert unary.op is release.unary[-1]


def test_code_that_fits_no_release_names_the_one_that_came_furthest():
    code = Code(RELEASES[0])
    code.push(code.input(0), code.output(0)).raw(0x5E, 0xFF, 0x7F)
    with pytest.raises(KModelError, match=r"tensor instruction \(read as nncase .*came furthest"):
        load(stackvm_file(code, (1, 4), (1, 4), data=64))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ((0x5A, 0, 0, 0, 0, 0), "an instruction that nncase emits"),
        ((0x77,), "at most 0x5e"),
        ((0x30,), "stack .* is empty"),
        ((0x03,), "stack at the end"),
        ((0x02, 1), "constant .* is 4 bytes long"),
        ((0x17, 9, 0, 0, 0, 0, 0), "memory location"),
    ],
)
def test_bad_code_is_refused(raw, message):
    with pytest.raises(KModelError, match=message):
        load(stackvm_file(Code(RELEASES[0]).raw(*raw), (1, 4), (1, 4), data=64))


def test_a_stack_that_only_grows_is_stopped():
    code = Code(RELEASES[0]).raw(*([0x03] * 5000))
    with pytest.raises(KModelError, match="4096 values deep"):
        load(stackvm_file(code, (1, 4), (1, 4), data=64))


def test_a_function_called_over_and_over_is_stopped():
    """A small file may ask for a lot: here 100 calls of a function with 50 uploads."""
    file = calling_file(calls=100, uploads=50)
    with pytest.raises(KModelError, match="at most 2000 operations"):
        load(file)
    assert len(load(calling_file(calls=2, uploads=50)).operations) == 101


def test_pools_larger_than_a_k210_are_refused():
    code = Code(RELEASES[0])
    code.shape(0, 1, 4).shape(1, 4, 1)
    code.push(code.input(0), code.output(0)).tensor("copy", 9, 0, 1, 1)
    with pytest.raises(KModelError, match=r"7340032 bytes.*6291456 bytes of main memory"):
        load(stackvm_file(code, (1, 4), (1, 4), data=7 << 20))


def test_the_layout_before_1_0():
    release = next(release for release in RELEASES if release.before_functions)
    code = Code(release)
    code.shape(0, 1, 4).shape(1, 4, 1)
    code.push(code.input(0), code.output(0)).tensor("copy", 9, 0, 1, 1)
    data = stackvm_file(code, (1, 4), (1, 4), data=64)
    assert struct.unpack_from("<I", data, 8) == (0,)
    program = load(data)
    assert (program.group, [op.kind() for op in program.operations]) == ("before 1.0", ["copy"])
