"""What version 5 cannot express is refused by name, and nothing else is."""

from contextlib import suppress
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import ConversionError, HarnessError, KModelError
from harness.kmodel import DType, Memory, Pool, load
from harness.kmodel import operations as ops
from harness.kmodel.memory import KPU_BYTES, feature_map
from harness.kmodel.v5.writer import write
from harness.kmodel.v5.writer.delivery import delivered
from tests.kmodel.v5_programs.cuts import SMALL, golden, said
from tests.kmodel.v5_programs.examples import EXAMPLES
from tests.kmodel.v5_programs.sketch import U8, Sketch

LARGE = np.zeros((17, 1 << 20), np.uint8)
SLOW = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def test_every_operation_in_the_way_is_named():
    sketch = Sketch()
    x, y = sketch.x(1, 4), sketch.out(1, 8)
    sketch.add(ops.Concat, (x, x), (y,), outer=1, pieces=(16, 16))
    sketch.add(ops.Sigmoid, (x,), (replace(y, shape=(1, 4)),))
    sketch.add(ops.Flatten, (x,), (replace(y, shape=(1, 4)),))
    with pytest.raises(ConversionError) as caught:
        write(sketch.program())
    assert "00_concat" in str(caught.value)
    assert "02_flatten" in str(caught.value)
    assert "01_sigmoid" not in str(caught.value)
    assert caught.value.remedy


def test_programs_of_other_versions_and_layouts_are_refused(single_operations):
    with pytest.raises(ConversionError, match="version 4"):
        write(load(single_operations["model_00"].tobytes()))
    with pytest.raises(ConversionError, match=r"before nncase 1\.0"):
        write(replace(golden("acts"), group="before 1.0"))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("dequantize", {"scale": 0.1}, "scale 0.1 would become 0.10000000"),
        ("dequantize", {"scale": 1e300}, "do not fit"),
        ("gather", {"axis": 300}, "do not fit"),
        ("softmax", {"axis": 5}, "axis of softmax"),
        ("reduce", {"keep_dims": False}, "strides"),
        ("reduce", {"op": ops.CompareOp.LESS}, "op"),
        ("transpose", {"perm": (0, 1, 1, 2)}, "permutation"),
        ("pad_inside", {"value": 0.5}, "no value of type uint8"),
        ("pad", {"paddings": (ops.NO_PADDING,) * 4}, "would become missing"),
        ("slice", {"strides": (1, 0, 2)}, "slice"),
        ("conv2d", {"channels_last": True}, "channels_last"),
        ("conv2d", {"stride": (2,)}, "too few numbers for stride_w"),
        ("detection_postprocess", {"scale": ()}, "too few numbers for y_scale"),
        ("unary", {"inputs": ()}, "0 inputs"),
    ],
)
def test_what_a_file_cannot_hold_is_refused(name, change, message):
    program = EXAMPLES[name](Sketch()).program()
    operations = tuple(replace(one, **change) for one in program.operations)
    with pytest.raises(ConversionError, match=message):
        write(replace(program, operations=operations))


def test_functions_that_a_release_lacks_are_refused():
    program = EXAMPLES["unary"](Sketch("1.3-1.5")).program()
    (operation,) = program.operations
    assert write(program)
    with pytest.raises(ConversionError, match=r"00_unary: 1\.4-1\.5 has no erf"):
        write(replace(program, operations=(replace(operation, op=ops.UnaryOp.ERF),)))


def _between(kind, source, out):
    """Return a program of one operation between buffers that a sketch makes."""
    sketch = Sketch()
    return sketch.add(kind, (source(sketch),), (out(sketch),)).program()


def far(number):
    return lambda sketch: sketch.place(f"main of module {number}", U8, 1, 4, 4, 4)


def rows(_sketch):
    return feature_map(Pool("kpu", Memory.KPU, KPU_BYTES), 0, (1, 4, 4, 4))


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ((ops.Sigmoid, far(1), lambda s: s.out(4)), "00_sigmoid: .* 'main of module 1'"),
        ((ops.KpuUpload, far(2), rows), "00_kpu_upload: .* 'main of module 2'"),
        ((ops.Copy, rows, far(1)), "00_copy: a copy cannot see the rows"),
        (
            (ops.Copy, lambda s: s.main(DType.BOOL, 4), lambda s: s.main(DType.BOOL, 4)),
            "00_copy: files have no type bool",
        ),
        (
            (ops.Copy, lambda s: s.constant(LARGE, U8), lambda s: s.out(*LARGE.shape)),
            "00_copy: constants take more than 16777216 bytes",
        ),
        (
            (ops.Sigmoid, lambda s: replace(s.x(4), offset=8), lambda s: s.out(4)),
            "00_sigmoid: a tensor lies at 8 to 24 of 'input', which has 16 bytes",
        ),
    ],
)
def test_places_that_no_one_reaches_are_refused(program, message):
    with pytest.raises(ConversionError, match=message):
        write(_between(*program))


@settings(max_examples=200, derandomize=True, **SLOW)
@given(st.data())
def test_any_program_from_a_changed_file_is_written_or_refused(data):
    changed = bytearray(golden(data.draw(st.sampled_from(SMALL))).data.tobytes())
    places = st.tuples(st.integers(0, len(changed) - 1), st.integers(0, 255))
    for place, value in data.draw(st.lists(places, min_size=1, max_size=4)):
        changed[place] = value
    try:
        program = load(bytes(changed))
    except KModelError:
        return
    try:
        again = write(program)
    except HarnessError:
        return
    assert said(delivered(program), load(again)) == []


PADDED = {"paddings": ops.Padding, "crops": ops.Padding}
FIELDS = {
    ops.Padding: st.lists(st.builds(ops.Padding, *[st.integers(-(2**33), 9)] * 3)).map(tuple),
    bool: st.booleans(),
    int: st.one_of(st.integers(-3, 300), st.integers(-(2**70), 2**70)),
    float: st.floats(),
    tuple: st.lists(st.integers(-3, 2**33), max_size=6).map(tuple),
}


@settings(max_examples=300, derandomize=True, **SLOW)
@given(st.data())
def test_any_number_in_any_field_is_written_or_refused(data):
    program = EXAMPLES[data.draw(st.sampled_from(sorted(EXAMPLES)))](Sketch()).program()
    (operation,) = program.operations
    for field in fields(operation):
        values = FIELDS.get(PADDED.get(field.name) or type(getattr(operation, field.name)))
        if (
            field.name not in ("inputs", "outputs")
            and values is not None
            and data.draw(st.booleans())
        ):
            operation = replace(operation, **{field.name: data.draw(values)})
    buffer = data.draw(st.sampled_from(operation.outputs))
    field = data.draw(st.sampled_from(["offset", "shape", "strides"]))
    wrong = replace(buffer, **{field: data.draw(FIELDS[type(getattr(buffer, field))])})
    outputs = tuple(wrong if one is buffer else one for one in operation.outputs)
    for changed in (operation, replace(operation, outputs=outputs)):
        with suppress(HarnessError):
            write(replace(program, operations=(changed,)))
