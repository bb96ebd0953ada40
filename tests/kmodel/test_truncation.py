"""Programs cut behind each of their layers give what a hook on the layer sees in the whole."""

from dataclasses import replace

import pytest
import torch

from harness.errors import ConversionError, UsageError
from harness.kmodel import Memory, Pool, load, save
from harness.kmodel.operations import KpuConv2d
from harness.simulator import Simulator
from tests.kmodel.conftest import V5
from tests.kmodel.test_write_v4 import SINGLE, inputs
from tests.kmodel.v3_files import every_layer

MOBILENET = "mbv1_025_128"
SMALL = ["iris_v3", "iris_v4", "mnist_v3"]
LARGE = ["yolo20_v3", "yolo20_v4", "slim320_v4", "yolox_nano_224_v5_beta1"]


def seen(program, batch):
    """Return what every layer gives, by name."""
    simulator, found = Simulator(program), {}
    for name, module in simulator.layers.items():
        module.register_forward_hook(lambda _m, _i, out, name=name: found.__setitem__(name, out))
    simulator(batch)
    return found


def wanted(operation, value):
    """Return what a cut behind an operation has to give for what the hook saw.

    Around a value that v3's add_padding puts into a corner lies whatever lay there.
    """
    return value[..., :1, :1] if operation.kind() == "kpu_add_padding" else value


def assert_layers_come_out(program, names=None):
    batch = list(inputs(program, "random"))
    found = seen(program, batch)
    for operation in program.operations:
        if names is not None and operation.name not in names:
            continue
        cut = program.until(operation.name)
        added = cut.operations[program.operations.index(operation) + 1 :]
        assert [op.kind() for op in added] in ([], ["copy"], ["kpu_download"])
        assert all(port.buffer.memory is not Memory.KPU for port in cut.outputs)
        expected = wanted(operation, found[operation.name]).contiguous()
        again = load(save(cut))
        assert len(again.operations) == len(cut.operations)
        for one in (cut, again):
            (value,) = Simulator(one)(batch).values()
            assert value.dtype == expected.dtype, operation.name
            assert value.numpy().tobytes() == expected.numpy().tobytes(), operation.name


@pytest.mark.parametrize("name", SMALL)
def test_every_layer_of_small_files_of_others(shared, name):
    assert_layers_come_out(load(shared / "kmodels" / f"{name}.kmodel"))


@pytest.mark.parametrize("name", LARGE)
def test_some_layers_of_large_files_of_others(shared, name):
    """The first layers, some in the middle, and the first upload."""
    program = load(shared / "kmodels" / f"{name}.kmodel")
    names = [operation.name for operation in program.operations]
    uploads = [one for one in names if one.endswith("upload")]
    cut = program.until(names[min(len(names) - 1, 40)])
    assert_layers_come_out(cut, {*names[:2], *names[15:18], *uploads[:1]})


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_every_layer_of_large_files_of_others(shared, name):
    """Of the 290 layers of the last one, most of them on the CPU, every tenth."""
    program = load(shared / "kmodels" / f"{name}.kmodel")
    operations = program.operations[:: 10 if len(program.operations) > 100 else 1]
    assert_layers_come_out(program, {operation.name for operation in operations})


@pytest.mark.parametrize("name", [name for name in V5 if name != MOBILENET])
def test_every_layer_of_what_nncase_1_9_made(kmodels, name):
    assert_layers_come_out(load(kmodels / f"{name}.kmodel"))


def test_some_layers_of_a_mobilenet(kmodels):
    program = load(kmodels / f"{MOBILENET}.kmodel")
    assert_layers_come_out(program, {operation.name for operation in program.operations[::6]})


@pytest.mark.slow
def test_every_layer_of_a_mobilenet(kmodels):
    assert_layers_come_out(load(kmodels / f"{MOBILENET}.kmodel"))


@pytest.mark.parametrize("name", SINGLE)
def test_every_layer_of_files_of_one_operation(name):
    assert_layers_come_out(load(SINGLE[name]))


def test_every_layer_type_of_version_3():
    assert_layers_come_out(load(every_layer()))


def without_copy(name):
    """Return a program of one KPU layer whose result stays in KPU memory."""
    program = load(SINGLE[name])
    (layer,) = program.operations
    layer = replace(layer, outputs=layer.outputs[:1])
    return replace(program, operations=(layer,), outputs=())


def test_a_layer_of_several_images_sends_all_of_them():
    batched = [
        n for n in SINGLE if n.startswith("layer") and load(SINGLE[n]).operations[0].batches > 1
    ]
    assert len(batched) > 10
    for name in batched:
        assert_layers_come_out(without_copy(name))
        (output,) = without_copy(name).until("00_kpu_conv2d").outputs
        assert output.buffer.shape[0] > 1


def test_main_memory_grows_only_where_it_is_too_small():
    program = without_copy("layer 0")
    size = program.operations[0].output.elements
    cut = program.until("00_kpu_conv2d")
    assert cut.pool_bytes(Memory.MAIN) == program.pool_bytes(Memory.MAIN) >= size
    small = tuple(p if p.memory is not Memory.MAIN else replace(p, size=8) for p in program.pools)
    grown = replace(program, pools=small).until("00_kpu_conv2d")
    assert grown.pool_bytes(Memory.MAIN) == -(-size // 8) * 8
    none = tuple(pool for pool in small if pool.memory is not Memory.MAIN)
    made = replace(program, pools=none).until("00_kpu_conv2d")
    assert Pool("main", Memory.MAIN, -(-size // 8) * 8) in made.pools


def test_every_buffer_moves_to_main_memory_that_grew(kmodels):
    program = load(every_layer())
    pools = tuple(replace(p, size=64) if p.name == "main" else p for p in program.pools)
    cut = replace(without_copy_at(program, 0), pools=pools).until(program.operations[0].name)
    (main,) = (pool for pool in cut.pools if pool.memory is Memory.MAIN)
    (output,) = cut.outputs
    assert output.buffer.pool == main
    assert main.size == 256
    load(save(cut))


def without_copy_at(program, index):
    operations = list(program.operations)
    operations[index] = replace(operations[index], outputs=operations[index].outputs[:1])
    return replace(program, operations=tuple(operations))


def test_a_layer_that_sends_a_copy_already_keeps_it(kmodels):
    program = load(SINGLE["layer 0"])
    cut = program.until("00_kpu_conv2d")
    assert cut.operations == program.operations
    assert cut.outputs == program.outputs


def float_layers(program):
    """Cut behind every layer with a uint8 result, as floats, and compare the values."""
    batch = list(inputs(program, "random"))
    found = seen(program, batch)
    for operation in program.operations:
        cut = program.until(operation.name, as_float=True)
        (value,) = Simulator(load(save(cut)))(batch).values()
        expected = wanted(operation, found[operation.name])
        assert value.dtype.is_floating_point, operation.name
        same = value.numpy().ravel() == expected.float().numpy().ravel()
        assert same.all(), operation.name
        yield expected.dtype


@pytest.mark.parametrize("name", [name for name in V5 if name != MOBILENET])
def test_bytes_of_version_5_come_out_as_floats(kmodels, name):
    dtypes = list(float_layers(load(kmodels / f"{name}.kmodel")))
    assert dtypes.count(torch.uint8) > 2


@pytest.mark.parametrize("name", ["mnist_v3", "iris_v4"])
def test_bytes_come_out_as_floats_for_a_firmware_that_knows_nothing_else(shared, name):
    assert list(float_layers(load(shared / "kmodels" / f"{name}.kmodel")))


def test_bytes_of_every_layer_come_out_as_floats():
    programs = [load(every_layer()), *(load(SINGLE[f"op {i}"]) for i in (12, 24, 42, 49))]
    programs += [without_copy(f"layer {index}") for index in range(0, 100, 9)]
    types = {str(dtype) for program in programs for dtype in float_layers(program)}
    assert types == {"torch.uint8", "torch.float32"}


def test_names_that_are_not_there():
    program = load(every_layer())
    with pytest.raises(UsageError) as caught:
        program.until("01_dequantise")
    assert "01_dequantize" in caught.value.remedy
    with pytest.raises(UsageError, match="none at all"):
        replace(program, operations=()).until("00_kpu_conv2d")


def test_results_that_cannot_leave_kpu_memory():
    """No compiler writes such a file; a damaged one may."""
    program = load(SINGLE["op 12"])
    (operation,) = program.operations
    source = load(SINGLE["layer 3"]).operations[0].input
    assert isinstance(load(SINGLE["layer 3"]).operations[0], KpuConv2d)
    odd = replace(program, operations=(replace(operation, outputs=(source,)),))
    with pytest.raises(ConversionError, match="KPU memory"):
        odd.until(operation.name)
