"""What is written as version 5 says what it said before, to our reader and to nncase."""

import time
from dataclasses import replace

import numpy as np
import pytest

from harness.compiler.worker.client import get_worker
from harness.errors import ConversionError
from harness.kmodel import Memory, Pool, load, save
from harness.kmodel import operations as ops
from harness.kmodel.difference import differences
from harness.kmodel.memory import KPU_BYTES, dense, feature_map
from harness.kmodel.tables import BatchNorm
from harness.kmodel.v5 import container
from harness.kmodel.v5.releases import RELEASES
from harness.kmodel.v5.tensors import TENSORS
from harness.kmodel.v5.writer import write
from harness.kmodel.v5.writer.delivery import delivered
from harness.kmodel.v5.writer.forms import FORMS, form_of
from harness.simulator import Simulator
from tests.conftest import timed
from tests.kmodel.conftest import V5
from tests.kmodel.v5_programs.cuts import golden, said
from tests.kmodel.v5_programs.examples import EXAMPLES
from tests.kmodel.v5_programs.sketch import F32, U8, Sketch
from tests.simulator.test_differential import pictures

# Two bytes of these differ: strides of axes of size 1 inside larger tensors, which no one uses.
NOT_IN_BYTES = {"mbv1_025_128", "residual", "upsample_nearest"}
WITH_FUNCTIONS = [release for release in RELEASES if not release.before_functions]


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


# What compilers rarely emit.

KPU = Pool("kpu", Memory.KPU, KPU_BYTES)


def kpu_map(row, *shape):
    return feature_map(KPU, row, shape)


PERMUTED = (0, 1, 3, 15)
STEPS = np.add.outer(np.arange(3), np.add.outer(3 * np.arange(5), 15 * np.arange(7)))


def moved_about(scattered):
    """A tensor that a function writes and the next one reads, through all kinds of memory.

    At last the KPU's module copies it with other strides, which are those of the result (it is
    scattered) or of the source (it is gathered). A constant is added from the module's own.
    """
    sketch, shape = Sketch(), (1, 3, 5, 7)
    into, own = sketch.x(*shape, dtype=U8), sketch.place("main of module 1", U8, *shape)
    main, result = sketch.main(U8, *shape), sketch.out(*shape, dtype=U8)
    constant, second = sketch.constant(CONSTANT, U8), sketch.out(*shape, dtype=U8)
    upload, download = ops.KpuUpload, ops.KpuDownload
    ends = (own, replace(result, strides=PERMUTED))
    for kind, source, out in (
        (upload, into, kpu_map(0, *shape)),
        (download, kpu_map(0, *shape), main),
        (upload, main, kpu_map(64, *shape)),
        (download, kpu_map(64, *shape), own),
        (ops.Copy, *(ends if scattered else (replace(own, strides=PERMUTED), result))),
        (upload, constant, kpu_map(128, *shape)),
        (download, kpu_map(128, *shape), second),
    ):
        sketch.add(kind, (source,), (out,))
    return sketch.program()


CONSTANT = np.arange(105).reshape(1, 3, 5, 7)


def expected_of(images, scattered):
    flat = images.reshape(len(images), -1)
    if not scattered:
        return flat[:, STEPS]
    result = np.empty_like(flat)
    result[:, STEPS.ravel()] = flat
    return result.reshape(images.shape)


@pytest.mark.parametrize("scattered", [False, True])
def test_what_a_function_wrote_is_read_by_the_next_one(scattered):
    program, images = moved_about(scattered), pictures(3, (3, 5, 7))
    data = write(program)
    assert said(program, load(data)) == []
    assert len(kpu_functions(data)) == 2
    moved, constant = Simulator(load(data))(images).values()
    np.testing.assert_array_equal(moved.numpy(), expected_of(images, scattered))
    np.testing.assert_array_equal(constant.numpy(), CONSTANT.repeat(3, 0))


@pytest.mark.sim
@pytest.mark.parametrize("scattered", [False, True])
def test_nncase_moves_tensors_about(scattered):
    images = pictures(3, (3, 5, 7))
    moved, constant = get_worker().simulate(write(moved_about(scattered)), images).outputs
    np.testing.assert_array_equal(moved, expected_of(images, scattered))
    np.testing.assert_array_equal(constant, CONSTANT.repeat(3, 0))


def many_arguments(count=70):
    """Return a program whose KPU operations read and write `count` places each."""
    sketch, size = Sketch(), 64
    pictures_in = sketch.x(1, 4 * count, 4, 4, dtype=U8)
    result = sketch.out(1, 4 * count, 4, 4, dtype=U8)
    for index in range(count):
        one, two = (
            dense(whole.pool, index * size, U8, (1, 4, 4, 4)) for whole in (pictures_in, result)
        )
        sketch.add(ops.KpuUpload, (one,), (kpu_map(4 * index, 1, 4, 4, 4),))
        sketch.add(ops.KpuDownload, (kpu_map(4 * index, 1, 4, 4, 4),), (two,))
    return sketch.program()


def test_a_function_has_no_more_arguments_than_there_are_registers():
    data = write(many_arguments())
    assert said(many_arguments(), load(data)) == []
    counts = [len(f.inputs) + len(f.outputs) for f in kpu_functions(data)]
    assert sum(counts) == 140
    assert max(counts) <= 128
    assert len(counts) == 2


@pytest.mark.sim
def test_nncase_takes_as_many_arguments():
    images = pictures(3, (280, 4, 4))
    found = get_worker().simulate(write(many_arguments()), images).outputs[0]
    np.testing.assert_array_equal(found, images)


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


@timed
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
