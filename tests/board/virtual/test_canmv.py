"""Profile canmv: raw input tensors from files, the first output as floats."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from harness import kmodel
from harness.board.virtual import start
from harness.simulator import Simulator

from .client import ProgramError


@pytest.fixture(scope="module")
def board(micropython, shared):
    files = {"/sd/m.kmodel": shared / "kmodels" / "mnist_v3.kmodel"}
    with start("canmv", files) as board:
        yield board


def test_a_raw_tensor_gives_the_simulators_bytes(board, client, shared):
    x = np.random.default_rng(2).integers(0, 256, (1, 1, 28, 28), np.uint8)
    (board.sd / "x.bin").write_bytes(x.tobytes())
    printed = client.run(
        "from maix import KPU\nimport ustruct, ubinascii\nk = KPU()\n"
        "k.load_kmodel('/sd/m.kmodel')\n"
        "y = k.run_with_output('/sd/x.bin', getlist=True)\n"
        "print(ubinascii.hexlify(ustruct.pack('<%df' % len(y), *y)).decode())\nk.deinit()",
        60,
    )
    program = kmodel.load(shared / "kmodels" / "mnist_v3.kmodel")
    assert bytes.fromhex(printed) == Simulator(program)(x)["output_0"].numpy().tobytes()
    assert len(struct.unpack("<10f", bytes.fromhex(printed))) == 10


def test_a_tensor_of_another_size_is_refused(board, client):
    (board.sd / "x.bin").write_bytes(b"123")
    client.run("from maix import KPU\nk = KPU()\nk.load_kmodel('/sd/m.kmodel')")
    with pytest.raises(ProgramError, match="ValueError: input size 3 not match model 784"):
        client.run("k.run_with_output('/sd/x.bin')")
    client.run("k.deinit()")


def test_there_is_no_module_kpu(client):
    with pytest.raises(ProgramError, match="ImportError: no module named 'KPU'"):
        client.run("import KPU")
