"""What is written as version 5 says what it said before, to our reader and to nncase."""

import time
from contextlib import suppress
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.compiler.worker.client import get_worker
from harness.errors import ConversionError, HarnessError, KModelError
from harness.kmodel import Memory, Pool, Port, load, save
from harness.kmodel import operations as ops
from harness.kmodel.difference import differences
from harness.kmodel.memory import KPU_BYTES, feature_map
from harness.kmodel.tables import BatchNorm
from harness.kmodel.v5 import container
from harness.kmodel.v5.releases import RELEASES
from harness.kmodel.v5.tensors import TENSORS
from harness.kmodel.v5.writer import write
from harness.kmodel.v5.writer.delivery import delivered
from harness.kmodel.v5.writer.forms import FORMS, form_of
from harness.simulator import Simulator
from reference.coin_classifier.networks import MobileNetV1
from tests.kmodel.conftest import FOLDER, V5
from tests.kmodel.v5_programs import EXAMPLES, F32, U8, Sketch
from tests.simulator.graphs import small_graphs
from tests.simulator.test_differential import BUILT_ON_EXP, REFUSED, compiled, pictures

# Two bytes of these differ: strides of axes of size 1 inside larger tensors, which no one uses.
NOT_IN_BYTES = {"mbv1_025_128", "residual", "upsample_nearest"}
SMALL = [name for name in V5 if name != "mbv1_025_128"]
WITH_FUNCTIONS = [release for release in RELEASES if not release.before_functions]
SLOW = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@cache
def golden(name):
    return load(FOLDER / f"{name}.kmodel")


def said(a, b):
    """Return what differs between two programs, apart from the sizes of their files."""
    return [one for one in differences(a, b) if one.what != "file"]


def kpu_functions(data):
    return [
        f for m in container.read(np.frombuffer(data, np.uint8)).modules[1:] for f in m.functions
    ]


# Files of nncase.


@pytest.mark.parametrize("name", V5)
def test_files_of_nncase_are_written_as_they_were(name):
    program = golden(name)
    data = write(program)
    before, after = program.data, np.frombuffer(data, np.uint8)
    assert len(before) == len(after)
    assert (before != after).sum() <= (2 if name in NOT_IN_BYTES else 0)
    assert differences(program, load(data)) == ()
    assert save(load(data)) == data


def test_a_file_of_another_release_is_written_for_it(third_party):
    """What nncase 1.0-beta1 wrote, but for strides of axes of size 1 in four places."""
    program = load(third_party["yolox_nano_224_v5_beta1.kmodel"])
    data = write(program)
    assert (program.data != np.frombuffer(data, np.uint8)).sum() <= 4
    assert differences(program, load(data)) == ()


# Single operations.


def release_name(release):
    return release.releases


@pytest.mark.parametrize("release", WITH_FUNCTIONS, ids=release_name)
@pytest.mark.parametrize("name", EXAMPLES)
def test_each_operation_comes_back_from_each_release_or_is_refused(name, release):
    program = EXAMPLES[name](Sketch(release.group)).program()
    (operation,) = program.operations
    newest = next(one for one in RELEASES if one.group == release.group)
    form = form_of(operation, newest.functions)
    written = form and form.name in newest.functions and newest.layout(form.name)
    interior = any(padding.interior for padding in getattr(operation, "paddings", ()))
    if written and not (interior and newest.padding_words == 2):
        data = write(program)
        again = load(data)
        assert release.group in again.candidates
        # A single instruction may be one of a newer release, too.
        assert again.group != release.group or said(delivered(program), again) == []
    else:
        with pytest.raises(ConversionError, match=operation.name):
            write(program)


def test_there_is_an_example_of_every_instruction():
    made = {EXAMPLES[name](Sketch()).program().operations[0] for name in EXAMPLES}
    assert {type(operation) for operation in made} == set(FORMS)
    names = {form.name for form in FORMS.values()} | {"equal"}
    assert names == set(TENSORS)


# nncase leaves seeds to the runtime; the last two are not simulated here.
NOT_COMPARED = {"random_normal", "random_uniform", "detection_postprocess"}


@pytest.mark.sim
@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - NOT_COMPARED))
def test_nncase_runs_each_operation_as_the_simulator_does(name):
    """One item, because nncase's gru leaves its last state where the first one stood."""
    program = EXAMPLES[name](Sketch()).program()
    random, items = np.random.default_rng(3), []
    for port in program.inputs:
        shape, dtype = port.buffer.shape, port.buffer.dtype
        values = random.normal(size=shape) if dtype is F32 else random.integers(0, 5, shape)
        items.append(values.astype(dtype.numpy))
    batched = [x if x.shape[0] == 1 else x[None] for x in items]
    expected = get_worker().simulate(write(program), batched).outputs
    for found, wanted in zip(Simulator(program)(items).values(), expected, strict=True):
        if name == "sigmoid":  # an approximation of exp on x86
            np.testing.assert_allclose(found.numpy().ravel(), wanted.ravel(), rtol=2e-7)
        else:
            np.testing.assert_array_equal(found.numpy().ravel(), wanted.ravel())


# Whole models.


def check_with_nncase(kmodel, images):
    written = write(load(kmodel))
    worker = get_worker()
    expected, found = (worker.simulate(file, images).outputs for file in (kmodel, written))
    ours = Simulator(load(written))(images).values()
    before = Simulator(load(kmodel))(images).values()
    for one, two, three, four in zip(expected, found, ours, before, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(three.numpy(), four.numpy())
    assert said(load(kmodel), load(written)) == []


@pytest.mark.sim
@pytest.mark.parametrize("name", V5)
def test_nncase_computes_the_same_from_written_goldens(name):
    program = golden(name)
    check_with_nncase(program.data.tobytes(), pictures(4, program.inputs[0].buffer.shape[1:]))


GRAPHS = small_graphs()
CHOSEN = [
    "conv_5x5",
    "conv_groups2",
    "conv_stride3",
    "dilated",
    "divide",
    "exp",
    "greatest",
    "hardswish_depthwise",
    "linear",
    "mean_of_lines",
    "pixel_shuffle",
    "pool_max3_stride2",
    "pool_mean3_stride1",
    "pool_max2_stride1",
    "product",
    "concat_deep",
    "residual_relu",
    "silu_3x3",
    "slice",
    "softmax",
    "squeeze_excite",
    "stride2_17x31",
    "sum_of_channels",
    "transpose",
    "transposed_3x3",
    "upsample_bilinear",
]


@pytest.mark.sim
@pytest.mark.parametrize("name", CHOSEN)
def test_nncase_computes_the_same_from_written_graphs(name):
    module, shape = GRAPHS[name]
    check_with_nncase(compiled(module, shape), pictures(3, shape))


@cache
def mobilenet(width, height=96, columns=128):
    torch.manual_seed(0)
    return compiled(MobileNetV1(20, width), (3, height, columns))


@pytest.mark.sim
@pytest.mark.parametrize("width", [0.25, 1.0])
def test_nncase_computes_the_same_from_written_mobilenets(width):
    check_with_nncase(mobilenet(width), pictures(3, (3, 96, 128)))


# Truncated models.


def results_of_all_layers(program, images):
    """Return what each layer of our simulator gives, by the operation's name."""
    simulator, found = Simulator(program), {}
    for name, layer in simulator.layers.items():
        layer.register_forward_hook(lambda _m, _x, out, name=name: found.update({name: out}))
    simulator(images)
    return found


def cut(program, index, *buffers):
    """Return the program up to an operation, with the buffers as outputs, wherever they lie."""
    ends = tuple(Port(f"output_{n}", buffer) for n, buffer in enumerate(buffers))
    return replace(program, operations=program.operations[: index + 1], outputs=ends)


def check_every_layer(program, images):
    found = results_of_all_layers(program, images)
    for operation in program.operations:
        kmodel = write(program.until(operation.name))
        for output in get_worker().simulate(kmodel, images).outputs:
            mine = found[operation.name].numpy().reshape(output.shape)
            np.testing.assert_array_equal(mine, output, err_msg=operation.name)


@pytest.mark.sim
@pytest.mark.parametrize("name", V5)
def test_nncase_gives_every_layer_of_truncated_goldens(name):
    program = golden(name)
    check_every_layer(program, pictures(3, program.inputs[0].buffer.shape[1:]))


@pytest.mark.sim
@pytest.mark.parametrize("name", ["concat_deep", "dilated", "squeeze_excite", "upsample_bilinear"])
def test_nncase_gives_every_layer_of_truncated_graphs(name):
    module, shape = GRAPHS[name]
    check_every_layer(load(compiled(module, shape)), pictures(2, shape))


@pytest.mark.sim
@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("width", [0.25, 0.5, 0.75, 1.0])
def test_nncase_gives_every_layer_of_truncated_mobilenets(width):
    check_every_layer(load(mobilenet(width, 224, 224)), pictures(2, (3, 224, 224)))


@pytest.mark.sim
@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", sorted(set(GRAPHS) - REFUSED - BUILT_ON_EXP))
def test_nncase_gives_every_layer_of_all_truncated_graphs(name):
    module, shape = GRAPHS[name]
    check_every_layer(load(compiled(module, shape)), pictures(2, shape))


@st.composite
def cuts(draw):
    """Draw a golden cut behind any operation, with any results so far as outputs."""
    program = golden(draw(st.sampled_from(SMALL)))
    index = draw(st.integers(0, len(program.operations) - 1))
    buffers = [b for one in program.operations[: index + 1] for b in one.outputs]
    chosen = draw(st.lists(st.sampled_from(buffers), min_size=1, max_size=3))
    return cut(program, index, *chosen)


@settings(max_examples=60, derandomize=True, **SLOW)
@given(cuts())
def test_any_cut_comes_back(program):
    """Also where an output has been overwritten: then it is what lies there at the end."""
    again = load(write(program))
    assert said(delivered(program), again) == []
    images = pictures(2, program.inputs[0].buffer.shape[1:])
    ends = (Simulator(one)(images).values() for one in (program, again))
    for one, two in zip(*ends, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


@pytest.mark.sim
@settings(max_examples=30, derandomize=True, **SLOW)
@given(cuts())
def test_nncase_gives_any_cut(program):
    images = pictures(2, program.inputs[0].buffer.shape[1:])
    expected = get_worker().simulate(write(program), images).outputs
    for mine, output in zip(Simulator(program)(images).values(), expected, strict=True):
        np.testing.assert_array_equal(mine.numpy(), output)


# What compilers rarely emit.

KPU = Pool("kpu", Memory.KPU, KPU_BYTES)


def kpu_map(row, *shape):
    return feature_map(KPU, row, shape)


def moved_about():
    """A tensor that a function writes and the next one reads, through both kinds of memory."""
    sketch, shape = Sketch(), (1, 3, 5, 7)
    into, own = sketch.x(*shape, dtype=U8), sketch.place("main of module 1", U8, *shape)
    main, result = sketch.main(U8, *shape), sketch.out(*shape, dtype=U8)
    upload, download = ops.KpuUpload, ops.KpuDownload
    for kind, source, out in (
        (upload, into, kpu_map(0, *shape)),
        (download, kpu_map(0, *shape), main),
        (upload, main, kpu_map(64, *shape)),
        (download, kpu_map(64, *shape), own),
        (ops.Copy, replace(own, strides=(0, 1, 3, 15)), result),
    ):
        sketch.add(kind, (source,), (out,))
    return sketch.program()


def check_moved_about(images):
    program = moved_about()
    data = write(program)
    assert said(program, load(data)) == []
    assert len(kpu_functions(data)) == 2
    return data, Simulator(program)(images)["output_0"].numpy()


def test_what_a_function_wrote_is_read_by_the_next_one():
    images = pictures(3, (3, 5, 7))
    _, found = check_moved_about(images)
    flat = images.reshape(3, -1)
    steps = np.add.outer(np.arange(3), np.add.outer(3 * np.arange(5), 15 * np.arange(7)))
    np.testing.assert_array_equal(found, flat[:, steps])


@pytest.mark.sim
def test_nncase_moves_tensors_about():
    images = pictures(3, (3, 5, 7))
    data, found = check_moved_about(images)
    np.testing.assert_array_equal(get_worker().simulate(data, images).outputs[0], found)


@pytest.mark.sim
def test_nncase_gives_the_copy_of_a_layer_in_main_memory():
    """A layer can send its result to main memory at once; nncase 1.9 never asks for it."""
    program = golden("avgpool_s1_pad")
    last = max(i for i, one in enumerate(program.operations) if isinstance(one, ops.KpuConv2d))
    layer = program.operations[last]
    shape = layer.output.shape
    main = program.operations[last + 1].output
    assert isinstance(program.operations[last + 1], ops.KpuDownload)
    layer = replace(layer, outputs=(layer.output, replace(main, shape=shape)))
    direct = replace(
        program,
        operations=(*program.operations[:last], layer, *program.operations[last + 2 :]),
    )
    images = pictures(3, program.inputs[0].buffer.shape[1:])
    expected = Simulator(program)(images)["output_0"].numpy()
    np.testing.assert_array_equal(get_worker().simulate(write(direct), images).outputs[0], expected)


def wide_program(layers=3, channels=1024):
    """Return layers of 1 MB of weights each."""
    template = next(one for one in golden("residual").operations if one.kind() == "kpu_conv2d")
    random = np.random.default_rng(0)
    sketch, shape = Sketch(), (1, channels, 4, 4)
    sketch.add(ops.KpuUpload, (sketch.x(*shape, dtype=U8),), (kpu_map(0, *shape),))
    size = {"in_width": 4, "in_height": 4, "out_width": 4, "out_height": 4}
    for index in range(layers):
        rows = {"source_row": 1024 * (index % 2), "destination_row": 1024 * (1 - index % 2)}
        registers = replace(
            template.registers,
            in_channels=channels,
            out_channels=channels,
            kernel_type=0,
            pool_type=0,
            **size,
            **rows,
        )
        sketch.add(
            ops.KpuConv2d,
            (kpu_map(rows["source_row"], *shape),),
            (kpu_map(rows["destination_row"], *shape),),
            registers=registers,
            weights=random.integers(0, 256, (channels, channels, 1, 1), np.uint8),
            batch_norm=BatchNorm.encode([1] * channels, [0] * channels, [0] * channels),
            activation=template.activation,
            weights_offset=0,
        )
    result = sketch.out(*shape, dtype=U8)
    return sketch.add(ops.KpuDownload, (kpu_map(rows["destination_row"], *shape),), (result,))


def test_a_3_mb_model_is_written_in_a_second():
    program = wide_program().program()
    start = time.perf_counter()
    data = write(program)
    assert time.perf_counter() - start < 1
    assert len(data) > 3 << 20
    assert said(program, load(data)) == []


def convolutions(records):
    """Return where the records of convolutions begin, by the sizes of all records."""
    at, found = 0, []
    while at < len(records):
        found += [at] if records[at] == 2 else []
        at += (44, 44, 152, 76)[records[at]]
    return found


def test_sections_of_the_kpu_and_activation_tables_are_aligned():
    data = write(golden("mbv1_025_128"))
    model = container.read(np.frombuffer(data, np.uint8))
    kpu = model.modules[1]
    assert kpu.constants.start % 256 == 0
    assert min(function.start for function in kpu.functions) % 256 == 0
    assert int.from_bytes(data[16:20], "little") == 256
    records = [data[f.start : f.stop] for f in kpu.functions]
    starts = [r[at + 32 : at + 36] for r in records for at in convolutions(r)]
    assert len(starts) == 28
    assert all(int.from_bytes(start, "little") % 256 == 0 for start in starts)


# What cannot be written.


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
        ("unary", {"inputs": ()}, "0 inputs"),
    ],
)
def test_what_a_file_cannot_hold_is_refused(name, change, message):
    program = EXAMPLES[name](Sketch()).program()
    operations = tuple(replace(one, **change) for one in program.operations)
    with pytest.raises(ConversionError, match=message):
        write(replace(program, operations=operations))


def test_memory_that_no_one_reaches_is_refused():
    sketch = Sketch()
    sketch.add(ops.Sigmoid, (sketch.place("main of module 1", F32, 4),), (sketch.out(4),))
    with pytest.raises(ConversionError, match=r"00_sigmoid: .* 'main of module 1'"):
        write(sketch.program())


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
