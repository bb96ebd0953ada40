"""Kmodels come from strangers: whatever the bytes, an error of ours, soon, and little memory."""

import subprocess
import sys
import time
import tracemalloc
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import KModelError
from harness.kmodel import Memory, load
from harness.kmodel.dataflow import producers
from tests.conftest import timed
from tests.kmodel.conftest import FOLDER
from tests.kmodel.v3_files import every_layer
from tests.kmodel.v5_files import calling_file

# What Python needs for anything at all: imports, caches, the objects of a small program.
INTERPRETER = 256 * 1024


@cache
def samples():
    """One small file a version, and several of version 4, whose bodies differ most."""
    operations = np.load(FOLDER / "single_op_v4.npz")
    layers = np.load(FOLDER / "single_layer_fuzz_v4.npz")
    v4 = {f"v4 {index}": operations[f"model_{index:02d}"] for index in (6, 7, 12, 42, 50)}
    v4["v4 layer"] = layers["model_003"]
    return {
        "v3": every_layer(),
        "v5": (FOLDER / "acts.kmodel").read_bytes(),
        **{name: array.tobytes() for name, array in v4.items()},
    }


def read(data):
    """Return the program, or None where there is an error of the right kind with its fields."""
    try:
        return load(data)
    except KModelError as error:
        refused = error
    assert refused.field
    assert refused.expected
    assert 0 <= refused.offset <= max(len(data), 28)
    return None


def test_truncated_at_every_byte():
    for name, data in samples().items():
        programs = [read(data[:size]) for size in range(len(data))]
        assert programs[0] is None, name
        assert sum(program is None for program in programs) > len(data) // 2, name


@pytest.mark.parametrize(
    ("change", "step"), [(lambda b: b ^ 0xFF, 1), (lambda b: 0, 3), (lambda b: (b + 1) % 256, 3)]
)
def test_any_byte_changed(change, step):
    for data in samples().values():
        changed = bytearray(data)
        for index in range(0, min(len(data), 2000), step):
            kept, changed[index] = changed[index], change(changed[index])
            read(bytes(changed))
            changed[index] = kept


@settings(max_examples=300, deadline=2000)
@given(st.data())
def test_many_bytes_changed(data):
    name = data.draw(st.sampled_from(sorted(samples())))
    changed = bytearray(samples()[name])
    places = st.tuples(st.integers(0, len(changed) - 1), st.integers(0, 255))
    for place, value in data.draw(st.lists(places, min_size=1, max_size=12)):
        changed[place] = value
    program = read(bytes(changed))
    if program is not None:
        producers(program)


@settings(max_examples=200, deadline=2000)
@given(st.sampled_from([b"", b"LDMK\4\0\0\0", b"LDMK\5\0\0\0", b"\3\0\0\0"]), st.binary())
def test_any_bytes(head, tail):
    read(head + tail)


def peak(data):
    """Return the program, and the bytes that reading it needed at most."""
    tracemalloc.start()
    try:
        program = read(data)
        return program, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_stays_below_four_times_the_file_and_its_pools():
    for data in samples().values():
        program, used = peak(data)
        pools = sum(pool.size for pool in program.pools if pool.memory is not Memory.CONSTANT)
        assert used < 4 * len(data) + pools + INTERPRETER


def test_memory_of_a_file_that_asks_for_much():
    """Where nothing is declared but KPU memory, even 5000 operations stay inside."""
    data = calling_file(calls=100, uploads=50)
    program, used = peak(data)
    assert program is None
    assert used < 4 * len(data) + 2 * 1024 * 1024 + INTERPRETER


@timed
def test_a_3_mb_file_loads_in_half_a_second(kmodels):
    data = (kmodels / "mbv1_025_128.kmodel").read_bytes() + bytes(3 << 20)
    start = time.perf_counter()
    load(data)
    assert time.perf_counter() - start < 0.5


@pytest.mark.slow
def test_third_party_files_changed(third_party):
    for path in third_party.values():
        data = bytearray(path.read_bytes())
        for index in range(0, len(data), max(1, len(data) // 500)):
            kept, data[index] = data[index], data[index] ^ 0xFF
            read(bytes(data))
            data[index] = kept


@pytest.mark.slow
def test_coverage_guided_fuzzing():
    pytest.importorskip("atheris", reason="atheris is not installed")
    script = Path(__file__).with_name("fuzz_kmodel.py")
    arguments = [sys.executable, script, "-max_total_time=60", "-timeout=5", "-rss_limit_mb=1024"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-2000:]
