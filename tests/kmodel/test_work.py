import dataclasses

import pytest

from harness.kmodel import load
from harness.kmodel.operations import KpuConv2d
from harness.kmodel.summary import layers, totals
from harness.kmodel.work import work
from tests.kmodel.v3_files import every_layer


def mobilenet_macs(width, size, classes):
    """MACs of MobileNet V1 (arXiv:1704.04861, table 1): nominal, and with strides by pooling."""
    plan = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
    plan += [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
    channels = int(32 * width)
    full, size = size, size // 2
    nominal, executed = 27 * channels * size**2, 27 * channels * full**2
    for wanted, stride in plan:
        out, after = int(wanted * width), size // stride
        nominal += 9 * channels * after**2 + channels * out * after**2
        executed += 9 * channels * size**2 + channels * out * size**2
        channels, size = out, after
    # The last layer runs on a 4x4 map, of which one value is wanted.
    return nominal + channels * classes, executed + 16 * channels * classes


def test_nominal_work_is_that_of_the_paper_and_executed_work_that_of_the_kpu(kmodels):
    program = load(kmodels / "mbv1_025_128.kmodel")
    done = work(program).values()
    found = sum(one.nominal for one in done), sum(one.executed for one in done)
    assert found == mobilenet_macs(0.25, 128, 10)


def test_a_slice_on_the_cpu_wants_only_what_it_takes(kmodels):
    """A 1x1 convolution with stride 4 runs in full, and a slice picks every fourth value."""
    program = load(kmodels / "stride4.kmodel")
    done = work(program)
    strided = next(op.name for op in program.operations if op.kind() == "slice")
    before = [op for op in program.operations if op.unit == "KPU" and op.name < strided][-1]
    assert done[before.name].executed == 16 * done[before.name].nominal


def test_the_formula_itself_gives_the_published_figure():
    nominal, executed = mobilenet_macs(1.0, 224, 1000)
    assert round(nominal / 1e6) == 569
    assert executed > 1.5 * nominal


def test_work_on_the_cpu(single_operations):
    by_name = {}
    for index, name in enumerate(single_operations["names"]):
        program = load(single_operations[f"model_{index:02d}"].tobytes())
        by_name[str(name)] = work(program)[program.operations[0].name]
    assert by_name["conv2d_3x3_s2"].executed == 5 * 5 * 6 * 3 * 9
    assert by_name["conv2d_groups_dil2"].executed == 6 * 7 * 8 * (4 // 2) * 9
    assert by_name["matmul"].executed == 5 * 9 * 4
    assert by_name["cpu_depthwise_conv2d_nhwc"].executed == 7 * 8 * 3 * 9
    assert by_name["conv2d_transpose"].executed == 3 * 4 * 5 * 4 * 9
    assert by_name["unary_abs"].executed == 0


def test_work_of_version_3():
    program = load(every_layer())
    done = work(program)
    full = done["22_fully_connected"]
    assert (full.nominal, full.executed, full.weight_bytes) == (12, 12, 4 * (12 + 3))
    first = done["00_kpu_conv2d"]
    assert (first.nominal, first.executed, first.weight_bytes) == (16 * 64, 16 * 64, 16)
    # One pixel, widened to 4x4: of the 16 places that are computed one is wanted.
    assert program.operations[20].kind() == "kpu_conv2d"
    point = done["20_kpu_conv2d"]
    assert (point.nominal, point.executed) == (16, 16 * 16)


@pytest.mark.parametrize(("strides", "part"), [((2, 2), 4), ((2, 1), 1), ((1, 2), 1), ((3, 3), 9)])
def test_only_a_slice_with_one_step_in_both_directions_asks_for_less(kmodels, strides, part):
    program = load(kmodels / "stride4.kmodel")
    (place,) = [n for n, one in enumerate(program.operations) if one.kind() == "slice"]
    one = program.operations[place]
    changed = dataclasses.replace(one, strides=(*one.strides[:-2], *strides))
    operations = (*program.operations[:place], changed, *program.operations[place + 1 :])
    done = work(dataclasses.replace(program, operations=operations))
    before = [op for op in program.operations[:place] if isinstance(op, KpuConv2d)][-1]
    height, width = before.input.shape[2:]
    step = strides[0] if part > 1 else 1
    places = -(-height // step) * -(-width // step)
    assert done[before.name].nominal * height * width == done[before.name].executed * places


def test_totals(kmodels):
    program = load(kmodels / "maxpool_leaky.kmodel")
    summaries = layers(program)
    sums = totals(program, summaries)
    assert (sums.operations, sums.kpu_layers) == (7, 4)
    assert sums.main_bytes == 3 * 48 * 64 + 432 + 1728
    assert sums.ram_bytes == sums.main_bytes + len(program.data)
    spans = [span for one in summaries for span in (one.reads_kpu, one.writes_kpu) if span]
    assert sums.kpu_bytes == max(end for _, end in spans) - min(start for start, _ in spans)
    poolings = sorted(one.pooling for one in summaries if one.kernel)
    assert poolings == ["", "max 2/2", "max 2/2", "mean 2/2"]
