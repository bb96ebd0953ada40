"""Tensor instructions that nncase's compiler seldom or never emits, in nncase's own runtime.

The files are written here, instruction by instruction, so that the runtime meets values and
options that no compiled graph brings: ties, negative numbers, overflow, unsorted results.
"""

import numpy as np
import pytest

from harness.compiler.worker.client import get_worker
from harness.kmodel import load
from harness.kmodel.memory import dense_strides
from harness.kmodel.operations import BinaryOp, UnaryOp
from harness.kmodel.v5.releases import RELEASES
from harness.simulator import Simulator
from tests.kmodel.v5_files import F32, Code, stackvm_file

pytestmark = pytest.mark.sim

I32, I64, U8 = 2, 3, 4
SHAPE = 1, 3, 5, 7
RNG = np.random.default_rng(0)
# Values beside which functions change: ties, zeros of both signs, both ends of their domains.
EDGES = np.array([-2.5, -1.5, -1, -0.5, -0.0, 0, 0.5, 1, 1.5, 2.5, 3, 1e-3, 200, -200, 1e9])
VALUES = np.concatenate([EDGES, RNG.normal(size=90)]).astype(np.float32).reshape(SHAPE)
TIES = RNG.integers(0, 3, SHAPE).astype(np.float32)
LIBM = {UnaryOp.COS, UnaryOp.EXP, UnaryOp.LOG, UnaryOp.SIN, UnaryOp.TANH, UnaryOp.ERF}
LIBM |= {UnaryOp.ACOS, UnaryOp.ASIN}
NOT_RUN = {UnaryOp.BITWISE_NOT}


def started(*shapes):
    """Return code that has shape i in register 2 i and its strides in register 2 i + 1."""
    code = Code(RELEASES[0])
    for index, shape in enumerate(shapes):
        code.shape(2 * index, *shape).shape(2 * index + 1, *dense_strides(shape))
    return code


def converted(code, source, into, result, out):
    """Append a conversion of the tensor whose shape is in register 0."""
    return code.push(source, out).tensor("convert", into, result, 0, 1, 1)


def both(code, x, result, data=1 << 16):
    """Return what this simulator and nncase's give, in turn."""
    kmodel = stackvm_file(code, x.shape, result, data)
    found = Simulator(load(kmodel))(x)["output_0"].numpy()
    return found, get_worker().simulate(kmodel, x).outputs[0]


def assert_same(code, x, result, ulp=0):
    found, expected = both(code, x, result)
    found = found.reshape(expected.shape)
    if ulp:
        np.testing.assert_array_max_ulp(found, expected, ulp)
    else:
        np.testing.assert_array_equal(found, expected)
    return found


@pytest.mark.parametrize("op", [op for op in UnaryOp if op not in NOT_RUN], ids=lambda op: op.value)
def test_functions_of_one_element(op):
    code = started(SHAPE)
    number = RELEASES[0].unary.index(op)
    code.push(code.input(0), code.output(0)).tensor("unary", F32, 0, 1, 1, number)
    x = VALUES
    if op in (UnaryOp.ACOS, UnaryOp.ASIN):
        x = np.clip(x, -1, 1)
    if op in (UnaryOp.LOG, UnaryOp.RSQRT, UnaryOp.SQRT):
        x = np.abs(x) + np.float32(1e-3)
    if op is UnaryOp.EXP:
        x = np.clip(x, -80, 80)
    assert_same(code, x, SHAPE, ulp=2 if op in LIBM else 0)


RUN = [op for op in BinaryOp if not op.value.startswith(("bitwise", "floor"))]
RUN = [op for op in RUN if op not in (BinaryOp.LOGICAL_OR, BinaryOp.LOGICAL_XOR)]


@pytest.mark.parametrize("dtype", [F32, I32, I64], ids=["float32", "int32", "int64"])
@pytest.mark.parametrize("op", RUN, ids=lambda op: op.value)
def test_functions_of_two_elements(op, dtype):
    """Of a tensor and its first line, so that one is broadcast."""
    code = started(SHAPE, (7,))
    places = {F32: (code.input(0), code.output(0))}.get(dtype, (code.data(0), code.data(2048)))
    if dtype != F32:
        converted(code, code.input(0), F32, dtype, places[0])
    operands = (dtype, 0, 1, 2, 3, 0, 1, list(BinaryOp).index(op), -np.inf, np.inf)
    code.push(places[0], places[0], places[1]).tensor("binary", *operands)
    if dtype != F32:
        converted(code, places[1], dtype, F32, code.output(0))
    x = RNG.integers(1, 9, SHAPE).astype(np.float32)
    x[0, 1:] = RNG.integers(-90000, 90000, (2, 5, 7))
    if op is BinaryOp.POW:
        x = np.abs(x) % 11 + 1
    assert_same(code, x, SHAPE, ulp=2 if op is BinaryOp.POW else 0)


@pytest.mark.parametrize("dtype", [0, 1, 2, 3, 4, 5, 6], ids=lambda n: f"dtype {n}")
def test_floats_become_integers_and_floats_again(dtype):
    """Fractions are cut off, and what does not fit becomes what x86 makes of it."""
    code = converted(started(SHAPE), started().input(0), F32, dtype, started().data(0))
    converted(code, code.data(0), dtype, F32, code.output(0))
    x = VALUES * np.float32(3)
    x[0, 0, 0] = [3e9, -3e9, 1e19, 255.9, 256, -1.9, 40000]
    assert_same(code, x, SHAPE)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("largest", [False, True])
@pytest.mark.parametrize("axes", [(1,), (3,), (2, 3), (1, 3)], ids=str)
def test_index_of_the_extreme_element(axes, largest, last):
    code = started(SHAPE)
    kept = [1 if axis in axes else size for axis, size in enumerate(SHAPE)]
    code.shape(2, *kept).shape(3, *dense_strides(kept)).shape(4, *axes)
    operands = (F32, 0, 1, I32, 3, int(largest), 4, True, last)
    code.push(code.input(0), code.data(0)).tensor("reduce_arg", *operands)
    code.push(code.data(0), code.output(0)).tensor("convert", I32, F32, 2, 3, 3)
    # Nearly equal ones: less than 1e-6 apart.
    near = np.float32(5e-7) * RNG.integers(0, 2, SHAPE).astype(np.float32)
    assert_same(code, near + RNG.integers(0, 5, SHAPE).astype(np.float32), kept)


@pytest.mark.parametrize("axis", [1, 3])
def test_hardmax_sees_no_maximum_at_zero_or_below(axis):
    code = started(SHAPE)
    code.push(code.input(0), code.output(0)).tensor("hardmax", F32, 0, 1, axis)
    found = assert_same(code, np.where(TIES > 0, TIES, -1).astype(np.float32), SHAPE)
    assert found.any()
    assert not assert_same(code, -TIES - 1, SHAPE).any()


@pytest.mark.parametrize("indices", [False, True])
@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.parametrize("largest", [False, True])
@pytest.mark.parametrize(("axis", "k"), [(3, 1), (3, 4), (2, 2), (3, 7)])
def test_extreme_elements_among_equal_ones(axis, k, largest, in_order, indices):
    kept = [k if number == axis else size for number, size in enumerate(SHAPE)]
    code = started(SHAPE, kept)
    values, places = (code.data(0), code.data(4096)) if indices else (code.output(0), code.data(0))
    operands = (F32, 0, 1, 2, 3, 2, 3, k, axis, largest, in_order)
    code.push(code.input(0), values, places).tensor("topk", *operands)
    if indices:
        code.push(places, code.output(0)).tensor("convert", I64, F32, 2, 3, 3)
    assert_same(code, TIES, kept)


@pytest.mark.parametrize("from_the_end", [False, True])
@pytest.mark.parametrize("axis", [0, 2])
def test_one_hot(axis, from_the_end):
    shape, depth = (1, 4, 5), 6
    result = (*shape[:axis], depth, *shape[axis:])
    code = started(shape, result, (1,))
    converted(code, code.input(0), F32, I32, code.data(0))
    for place, constant in ((512, 0.5), (516, -2.0)):
        # Two constants, made of a number that is limited to them from both sides.
        code.push(code.input(0), code.input(0), code.data(place))
        code.tensor("binary", F32, 4, 5, 4, 5, 4, 5, 0, constant, constant)
    places = (code.data(0), code.data(0), code.data(512), code.data(516))
    code.push(*places, code.output(0)).tensor("onehot", F32, 0, 2, 3, axis, int(from_the_end))
    assert_same(code, RNG.integers(-6, 7, shape).astype(np.float32), result)


@pytest.mark.parametrize("output", range(4), ids=["locations", "classes", "scores", "number"])
@pytest.mark.parametrize("most", [1, 2])
@pytest.mark.parametrize("regular", [False, True])
def test_boxes_are_decoded_and_suppressed(regular, most, output):
    """Of 40 boxes and 4 classes behind a background; all of them in one input, at offsets."""
    boxes, classes, detections = 40, 4, 12
    sizes = boxes * 4, boxes * (classes + 1), boxes * 4
    results = detections * most * 4, detections * most, detections * most, 1
    code = Code(RELEASES[0]).shape(0, 1, boxes, 4).shape(1, 1, boxes, classes + 1)
    code.shape(2, boxes, 4)
    code.push(*(code.input(4 * sum(sizes[:index])) for index in range(3)))
    places = [code.data(4096 * index) for index in range(4)]
    places[output] = code.output(0)
    code.push(*places)
    numbers = (0, 1, 2, detections, most, detections, regular, 0.3, 0.4, classes)
    code.tensor("tflite_detection_postprocess", *numbers, 10.0, 10.0, 5.0, 5.0)
    scores = RNG.permutation(boxes * (classes + 1)) / (boxes * (classes + 1))
    anchors = np.concatenate([RNG.random((boxes, 2)), 0.1 + 0.3 * RNG.random((boxes, 2))], 1)
    parts = RNG.normal(size=boxes * 4), scores, anchors.ravel()
    x = np.concatenate(parts).astype(np.float32)[None]
    found, expected = both(code, x, (1, results[output]))
    # What lies behind the last one found is nobody's in the runtime.
    written = detections if regular else np.count_nonzero(found) // (4 if output == 0 else 1)
    known = slice(written * (4 if output == 0 else 1))
    np.testing.assert_array_equal(found.ravel()[known], expected.ravel()[known])
    assert found.any()
