"""The same bits whatever instructions oneDNN may use: forced, because CI has one processor only.

PyTorch's int8 products are exact where the processor adds up in 32 bits, and off by millions where
it does not. The trial in `harness.simulator.kpu.products` has to tell which is the case.
"""

import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

SETS = ["AVX2", "AVX512_CORE", "DEFAULT"]
EXACT = [
    "tests/simulator/test_kpu_layer.py",
    "tests/simulator/test_goldens.py::test_graphs_of_nncase_1_9",
    "tests/simulator/test_goldens.py::test_single_layers",
    "tests/simulator/test_differential.py::test_small_graphs[residual]",
    "tests/simulator/test_differential.py::test_small_graphs[leaky_3x3]",
]
# Prints what the trial says, and whether products of many sizes are those of float64.
CHOICE = """
import torch
from harness.simulator.kpu.products import int8_is_exact
exact = True
for rows, inner, columns in [(17, 8, 8), (64, 64, 64), (1000, 27, 32), (33, 9216, 256), (49, 4608, 512)]:
    for low, high in [(-128, 128), (127, 128), (-128, -127)]:
        a = torch.randint(low, high, (rows, inner), dtype=torch.int8)
        b = torch.randint(low, high, (inner, columns), dtype=torch.int8)
        exact = exact and bool((torch._int_mm(a, b).double() == a.double() @ b.double()).all())
print(int8_is_exact(), exact)
"""  # noqa: E501


def run(instructions, *arguments):
    """Return what a Python that may use these instructions prints."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment.pop("ONEDNN_MAX_CPU_ISA", None)
    if instructions != "DEFAULT":
        environment["ONEDNN_MAX_CPU_ISA"] = instructions
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout


@pytest.mark.parametrize("instructions", SETS)
def test_the_trial_finds_out_whether_int8_products_are_exact(instructions):
    said, exact = run(instructions, "-c", CHOICE).split()
    assert said == exact


@pytest.mark.sim
@pytest.mark.parametrize("instructions", SETS)
def test_every_bit_is_right(instructions):
    output = run(instructions, "-m", "pytest", "-q", "-p", "no:cacheprovider", *EXACT)
    assert " passed" in output
    assert "failed" not in output
