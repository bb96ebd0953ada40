"""Places in main memory, and what a board has."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest

from harness.convert import Budget, convert
from harness.errors import ConversionError, HarnessError, UsageError
from harness.kmodel import Memory, load, save
from harness.kmodel.firmware import FIRMWARES, firmware_named
from harness.kmodel.operations import Binary, MatMul, Unary
from tests.convert.conftest import KMODELS, V5


def lives(program):
    """Return (start, end, first operation, last operation) of each value in main memory."""
    found = []
    written = {}
    for port in program.inputs:
        written[port.buffer.offset] = (port.buffer, -1)
    reads = [(n, b) for n, o in enumerate(program.operations) for b in o.inputs]
    reads += [(len(program.operations), port.buffer) for port in program.outputs]
    for index, operation in enumerate(program.operations):
        for buffer in operation.outputs:
            if buffer.memory is Memory.MAIN:
                later = [n for n, b in reads if n > index and overlap(b, buffer)]
                rewritten = [
                    n
                    for n, o in enumerate(program.operations)
                    if n > index and any(overlap(b, buffer) for b in o.outputs)
                ]
                end = min(rewritten, default=len(program.operations))
                found.append((buffer, index, max((n for n in later if n <= end), default=index)))
    return found


def overlap(a, b):
    return a.memory is b.memory is Memory.MAIN and a.offset < b.end and b.offset < a.end


@pytest.mark.parametrize("name", V5)
def test_no_operation_writes_over_what_it_reads_but_element_by_element(name):
    program = convert(load(KMODELS / f"{name}.kmodel"), 4).program
    for operation in program.operations:
        for source in operation.inputs:
            for result in operation.outputs:
                if overlap(source, result):
                    column = isinstance(operation, MatMul) and operation.inputs[1].elements == 1
                    assert isinstance(operation, Binary | Unary) or column
                    assert (source.offset, source.nbytes) == (result.offset, result.nbytes)


@pytest.mark.parametrize("name", V5)
def test_every_tensor_lies_in_main_memory_at_a_multiple_of_its_element(name):
    program = convert(load(KMODELS / f"{name}.kmodel"), 4).program
    (main,) = (pool for pool in program.pools if pool.memory is Memory.MAIN)
    for operation in program.operations:
        for buffer in (*operation.inputs, *operation.outputs):
            if buffer.memory is Memory.MAIN:
                assert buffer.pool == main
                assert buffer.contiguous
                assert 0 <= buffer.offset < buffer.end <= main.size
                assert buffer.offset % buffer.dtype.itemsize == 0
    for buffer, _, _ in lives(program):
        assert buffer.offset % 4 == 0


def test_each_limit_is_named_with_figures():
    budget = Budget(kpu=3 << 20, main=7 << 20, file=1 << 20, source_main=0)
    with pytest.raises(ConversionError) as caught:
        budget.check()
    text = str(caught.value)
    assert "KPU memory 3072 KiB of 2048 KiB" in text
    assert "main memory 7168 KiB of 6144 KiB" in text
    assert "\n" not in text


@pytest.mark.parametrize("firmware", FIRMWARES.values(), ids=FIRMWARES)
def test_a_heap_that_is_too_small_is_refused(firmware):
    program = load(KMODELS / "mbv1_025_128.kmodel")
    version = firmware.versions[-1]
    fits = convert(program, version, firmware).budget
    assert fits.heap == fits.main + fits.file <= firmware.heap
    small = replace(firmware, heap=fits.heap - 1)
    with pytest.raises(ConversionError, match=f"does not fit {firmware.name}: heap"):
        convert(program, version, small)
    with pytest.raises(ConversionError, match="file"):
        convert(program, version, replace(firmware, most_file=1000))


def test_a_firmware_gets_what_it_loads_only():
    minimum = firmware_named("maixpy-0.6-minimum")
    with pytest.raises(ConversionError, match="does not load kmodel v4"):
        convert(load(KMODELS / "residual.kmodel"), 4, minimum)
    with pytest.raises(UsageError, match="choose from"):
        firmware_named("maixpy-9")


def test_profiles_say_how_far_they_can_be_trusted():
    for firmware in FIRMWARES.values():
        assert firmware.heap_source
        assert firmware.heap_confidence in ("documented", "reported", "assumed")
        assert firmware.versions
        assert 1 << 20 < firmware.heap < 6 << 20


def test_damaged_files_are_refused_or_converted():
    """Whatever can be read as a kmodel ends in one of two ways."""
    random = np.random.default_rng(0)
    files = [(KMODELS / f"{name}.kmodel").read_bytes() for name in ("acts", "avgpool_s1_pad")]
    read = 0
    while read < 60:
        raw = bytearray(files[read % len(files)])
        for at in random.integers(0, len(raw), 3):
            raw[at] = random.choice([0, 1, 255, raw[at] ^ (1 << random.integers(8))])
        try:
            program = load(bytes(raw))
        except HarnessError:
            continue
        read += 1
        for version in (4, 3):
            with contextlib.suppress(ConversionError):
                save(convert(program, version, allow_last_bit=True).program)
