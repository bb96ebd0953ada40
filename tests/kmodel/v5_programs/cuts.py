"""Programs of version 5 cut out of compiled ones."""

from dataclasses import replace
from functools import cache

from hypothesis import strategies as st

from harness.kmodel import Port, load
from harness.kmodel.difference import differences
from tests.kmodel.conftest import FOLDER, V5

SMALL = [name for name in V5 if name != "mbv1_025_128"]


@cache
def golden(name):
    return load(FOLDER / f"{name}.kmodel")


def said(a, b):
    """Return what differs between two programs, apart from the sizes of their files."""
    return [one for one in differences(a, b) if one.what != "file"]


def cut(program, index, *buffers):
    """Return the program up to an operation, with the buffers as outputs, wherever they lie."""
    ends = tuple(Port(f"output_{n}", buffer) for n, buffer in enumerate(buffers))
    return replace(program, operations=program.operations[: index + 1], outputs=ends)


@st.composite
def cuts(draw):
    """Draw a golden cut behind any operation, with any results so far as outputs."""
    program = golden(draw(st.sampled_from(SMALL)))
    index = draw(st.integers(0, len(program.operations) - 1))
    buffers = [b for one in program.operations[: index + 1] for b in one.outputs]
    chosen = draw(st.lists(st.sampled_from(buffers), min_size=1, max_size=3))
    return cut(program, index, *chosen)
