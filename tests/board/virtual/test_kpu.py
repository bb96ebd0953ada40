"""Module KPU against the simulator that it stands on: the same bytes come out of the board."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from harness import kmodel
from harness.board import pixels
from harness.board.virtual import start
from harness.simulator import Simulator
from tests.conftest import timed

from .client import Client, ProgramError

rng = np.random.default_rng(5)
NAMES = {
    "iris_v3": None,
    "iris_v4": (1, 1, 3),
    "mnist_v3": None,
    "yolo20_v4": (10, 7, 125),
    "yolo20_v3": None,
}
PRINT = """
import ubinascii, ustruct
def show(values, kind):
    for i in range(0, len(values), 192):
        piece = values[i:i + 192]
        data = ustruct.pack('<%d%s' % (len(piece), kind), *piece)
        print(ubinascii.b2a_base64(data).decode().strip())
"""


@pytest.fixture(scope="module")
def models(shared):
    return {name: shared / "kmodels" / f"{name}.kmodel" for name in NAMES} | {
        "v5": shared / "kmodels" / "yolox_nano_224_v5_beta1.kmodel",
        "slim320_v4": shared / "kmodels" / "slim320_v4.kmodel",
    }


@pytest.fixture(scope="module")
def board(micropython, models):
    files = {f"/sd/{name}.kmodel": path for name, path in models.items()}
    files["/image/0x300000"] = models["mnist_v3"]
    with start(files=files) as board:
        yield board


def bytes_of(client: Client, values: str, kind: str = "f") -> bytes:
    printed = client.run(f"show({values}, {kind!r})", 60)
    return b"".join(base64.b64decode(line) for line in printed.split())


def load(client: Client, name: str) -> None:
    client.run(f"import KPU\nt = KPU.load('/sd/{name}.kmodel')\n{PRINT}")
    if NAMES[name]:
        w, h, channels = NAMES[name]
        assert client.run(f"print(KPU.set_outputs(t, 0, {w}, {h}, {channels}))") == "True\n"


@pytest.fixture(autouse=True)
def _free(client):
    yield
    client.send(b"\x04")
    client.until(b"CTRL-B to exit\r\n>")


@pytest.mark.parametrize("name", ["iris_v3", "iris_v4"])
def test_floats_in_and_out_are_those_of_the_simulator(client, models, name):
    load(client, name)
    x = rng.uniform(0, 8, 4).astype(np.float32)
    client.run(f"f = KPU.forward(t, {[float(value) for value in x]})")
    program = kmodel.load(models[name])
    shape = program.inputs[0].buffer.shape
    expected = Simulator(program)(x.reshape(1, *shape[1:]))["output_0"].numpy().tobytes()
    assert bytes_of(client, "f[:]") == expected
    assert bytes_of(client, "(f[0], f[-1])") == expected[:4] + expected[-4:]


@pytest.mark.parametrize("name", ["mnist_v3", "yolo20_v4", "yolo20_v3"])
def test_pictures_reach_the_simulator_through_565(board, client, models, name):
    program = kmodel.load(models[name])
    shape = program.inputs[0].buffer.shape[1:]
    image = rng.integers(0, 256, shape, np.uint8)
    (board.sd / "x.bmp").write_bytes(pixels.bmp(image))
    load(client, name)
    client.run(
        "import image\np = image.Image('/sd/x.bmp')\np.pix_to_ai()\nf = KPU.forward(t, p)", 60
    )
    expected = Simulator(program)(pixels.on_grid(image)[None])["output_0"].numpy().tobytes()
    count = min(len(expected) // 4, 1500)
    assert bytes_of(client, f"f[:{count}]") == expected[: 4 * count]
    assert client.run("print(f.size())") == f"{len(expected)}\n"


def test_a_partial_run_ends_with_bytes_of_a_layer(board, client, models):
    program = kmodel.load(models["mnist_v3"])
    image = rng.integers(0, 256, program.inputs[0].buffer.shape[1:], np.uint8)
    (board.sd / "x.bmp").write_bytes(pixels.bmp(image))
    load(client, "mnist_v3")
    code = "import image\np = image.Image('/sd/x.bmp')\np.pix_to_ai()\nKPU.set_layers(t, 2)\n"
    client.run(code + "f = KPU.forward(t, p)")
    simulator = Simulator(program)
    seen = []
    layer = simulator.layers[program.operations[1].name]
    layer.register_forward_hook(lambda _l, _i, output: seen.append(output.numpy().tobytes()))
    simulator(image[None])
    assert bytes_of(client, "f[:]", "B") == seen[0]
    assert client.run("print(f.w(), f.h(), f.ch(), KPU.fmap(f, 3))") == (
        '7 7 32 {"w":7, "h":7, "type"="grayscale", "size":49}\n'
    )


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("KPU.load('/sd/v5.kmodel')", "ValueError: .*load error:2002, ERR_KMODEL_VERSION"),
        ("KPU.load('/sd/none.kmodel')", "ValueError: .*load error:2005, ERR_READ_FILE"),
        ("KPU.load('/sd/model.tflite')", "ValueError: .*only supply .kmodel"),
        ("KPU.load(0)", "ValueError: .*model_addr must > 0"),
        ("[KPU.load('/sd/yolo20_v4.kmodel') for _ in range(4)]", "load error:2006, ERR_NO_MEM"),
        ("[KPU.load('/sd/iris_v4.kmodel') for _ in range(6)]", "load error:2009, ERR_MODELS_FULL"),
        ("KPU.forward(3, [1.0])", "TypeError: .*kpu_net type error"),
    ],
)
def test_what_the_firmware_refuses_is_refused_in_its_words(client, code, message):
    client.run("import KPU")
    with pytest.raises(ProgramError, match=message):
        client.run(code)


def test_a_damaged_file_is_refused(board, client, models):
    (board.sd / "cut.kmodel").write_bytes(models["iris_v4"].read_bytes()[:300])
    with pytest.raises(ProgramError, match="load error:2003, ERR_KMODEL_FORMAT"):
        client.run("import KPU\nKPU.load('/sd/cut.kmodel')")


def test_v4_runs_only_once_its_outputs_are_known(client):
    client.run("import KPU\nt = KPU.load('/sd/iris_v4.kmodel')")
    with pytest.raises(ProgramError, match="OSError: ERR_OUTPUTS_SET"):
        client.run("KPU.forward(t, [1.0, 2.0, 3.0, 4.0])")
    assert "size not match output size" in client.run("print(KPU.set_outputs(t, 0, 2, 1, 3))")
    assert "idx 1 out of range" in client.run("print(KPU.set_outputs(t, 1, 1, 1, 3))")


def test_several_outputs_are_read_by_number(board, client, models):
    program = kmodel.load(models["slim320_v4"])
    image = rng.integers(0, 256, program.inputs[0].buffer.shape[1:], np.uint8)
    (board.sd / "x.bmp").write_bytes(pixels.bmp(image))
    client.run(
        f"import KPU, image\nt = KPU.load('/sd/slim320_v4.kmodel')\n{PRINT}\n"
        "KPU.set_outputs(t, 0, 2, 4420, 1)\nKPU.set_outputs(t, 1, 4, 4420, 1)\n"
        "p = image.Image('/sd/x.bmp')\np.pix_to_ai()\nKPU.forward(t, p)\ng = KPU.get_output(t, 1)"
    )
    expected = Simulator(program)(pixels.on_grid(image)[None])["output_1"].numpy().tobytes()
    assert bytes_of(client, "g[:800]") == expected[:3200]


def test_a_picture_of_another_size_is_refused(client):
    load(client, "mnist_v3")
    with pytest.raises(ProgramError, match="check img format err!"):
        client.run("import image\np = image.Image()\np.pix_to_ai()\nKPU.forward(t, p)")
    with pytest.raises(ProgramError, match="check img format err!"):
        client.run("KPU.forward(t, image.Image())")


def test_a_model_in_the_flash_chip_is_loaded_by_address(client, models):
    size = kmodel.load(models["mnist_v3"]).consumed
    printed = client.run("import KPU\nprint(KPU.load(0x300000))")
    assert printed.startswith(f'{{"model_addr": 3145728, "model_size": {size},')


def test_deinit_gives_the_memory_back(client):
    load(client, "yolo20_v3")
    free = "from Maix import utils\nprint(utils.heap_free())"
    before = int(client.run(free))
    client.run("KPU.deinit(t)")
    assert int(client.run(free)) - before > 1_300_000


def test_netinfo_tells_the_layers_of_v3(client):
    load(client, "mnist_v3")
    printed = client.run("n = KPU.netinfo(t)\nprint(n[0])\nprint(len(n), n[1].chi(), n[1].cho())")
    lines = printed.splitlines()
    assert [line.split(":")[0] for line in lines[:-2]] == [f"layer[{n}]" for n in range(11)]
    assert lines[-2].startswith('{"index":0, "type":KL_K210_CONV, "wi":28, "hi":28')
    assert lines[-1] == "11 16 32"


def test_yolo_boxes_come_back_as_objects(client):
    load(client, "yolo20_v4")
    printed = client.run(
        "import sensor\nsensor.reset()\nanchors = (1.08, 1.19, 3.42, 4.41, 6.63, 11.38, 9.42, "
        "5.11, 16.62, 10.52)\nprint(KPU.init_yolo2(t, 0.0, 1.0, 5, anchors))\n"
        "b = KPU.run_yolo2(t, sensor.snapshot())\nprint(len(b), b[0].objnum(), len(b[0].rect()))",
        60,
    )
    assert printed == "True\n350 350 4\n"


@timed
def test_a_run_takes_the_time_of_a_k210_by_the_boards_clock(client, models):
    from harness.timing import predict
    from harness.timing.boards import board_titled

    load(client, "yolo20_v4")
    taken = client.run(
        "import sensor, time\nsensor.reset()\np = sensor.snapshot()\nKPU.forward(t, p)\n"
        "a = time.ticks_us()\nKPU.forward(t, p)\nprint(time.ticks_diff(time.ticks_us(), a))",
        60,
    )
    program = kmodel.load(models["yolo20_v4"])
    wanted = predict(program, board=board_titled("M5StickV")).ms
    assert wanted - 1 < int(taken) / 1000 < wanted + 30
