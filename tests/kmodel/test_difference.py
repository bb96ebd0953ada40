"""What a comparison of two programs says, value by value."""

from dataclasses import replace

from harness.kmodel import load
from harness.kmodel.difference import differences
from tests.kmodel.conftest import FOLDER
from tests.kmodel.v3_files import every_layer
from tests.kmodel.v5_programs.examples import EXAMPLES
from tests.kmodel.v5_programs.sketch import Sketch


def program(name):
    return EXAMPLES[name](Sketch()).program()


def changed(one, **fields):
    *before, last = one.operations
    return replace(one, operations=(*before, replace(last, **fields)))


def test_a_program_does_not_differ_from_itself():
    for data in (every_layer(), (FOLDER / "residual.kmodel").read_bytes()):
        assert differences(load(data), load(data)) == ()


def test_operations_at_the_end_are_named_on_the_side_that_has_them():
    whole = load(every_layer())
    cut = replace(whole, operations=whole.operations[:-2])
    names = [operation.name for operation in whole.operations[-2:]]
    missing = [one for one in differences(whole, cut) if one.what == "operation"]
    assert [one.where for one in missing] == names
    assert [one.b for one in missing] == ["", ""]
    assert missing[1].a == "fully_connected → 1x3"
    added = [one for one in differences(cut, whole) if one.what == "operation"]
    assert [(one.where, one.a, one.b) for one in added] == [
        (one.where, "", one.a) for one in missing
    ]


def test_a_field_is_named_with_both_values():
    one = program("dequantize")
    (found,) = differences(one, changed(one, scale=0.25))
    assert (found.where, found.what, found.a, found.b) == ("00_dequantize", "scale", "0.5", "0.25")


def test_a_value_that_is_no_number_is_the_same_as_itself():
    one, two = (changed(program("dequantize"), bias=float("nan")) for _ in range(2))
    assert differences(one, two) == ()


def test_constants_are_compared_by_value_and_other_tensors_by_place():
    one = program("onehot")
    data = one.data.copy()
    data[one.operations[0].inputs[2].offset + 3] ^= 0x80
    (found,) = differences(one, replace(one, data=data))
    assert (found.what, found.a) == ("input 2", "2.5 … 2.5")
    assert found.b == "-2.5 … -2.5; 1 of 1 values differ, at most by 5"
    moved = one.operations[0].output
    (found,) = differences(one, changed(one, outputs=(replace(moved, offset=8),)))
    assert (found.a, found.b) == ("float32 3x5 at output+0", "float32 3x5 at output+8")


def test_strides_are_told_where_there_are_gaps():
    one = program("copy")
    source = one.operations[0].input
    (found,) = differences(one, changed(one, inputs=(replace(source, strides=(6, 0, 1)),)))
    assert found.a == "float32 4x1x3 at input+0 strides (6, 0, 2)"
    assert found.b == "float32 4x1x3 at input+0 strides (6, 0, 1)"
    maps = load(FOLDER / "acts.kmodel")
    layer = next(o for o in maps.operations if o.unit == "KPU" and o.kind() == "kpu_conv2d")
    upper = replace(layer, outputs=(replace(layer.output, offset=layer.output.offset + 64),))
    operations = tuple(upper if o is layer else o for o in maps.operations)
    (found,) = differences(maps, replace(maps, operations=operations))
    assert "strides" not in found.a + found.b
    assert found.b.endswith(f"at kpu+{layer.output.offset + 64}")
