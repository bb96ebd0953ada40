"""Outputs that are pictures are shown side by side, on the first backend's scale."""

import io

import numpy as np
import pytest
from PIL import Image

from harness.backends.base import BackendResult
from harness.method import Deployable, EvaluationSet, InputContract
from harness.pipeline.output_pictures import is_picture, output_pictures


def deployable(items=3, side=12):
    images = np.random.default_rng(0).integers(0, 256, (items, 3, side, side), dtype=np.uint8)
    ids = tuple(map(str, range(items)))
    return Deployable(
        "net",
        None,
        InputContract((3, side, side)),
        ("picture", "code"),
        images,
        EvaluationSet(ids, images),
    )


def result(name, outputs):
    return BackendResult(name, outputs, np.ones(3), {})


def outputs(value):
    return {"picture": value, "code": np.zeros((3, 16), "f4")}


def test_a_picture_output_gets_a_sheet_and_a_code_none():
    values = np.random.default_rng(1).normal(size=(3, 3, 12, 12)).astype("f4")
    broken = values.copy()
    broken[0, 0, 0, 0], broken[1, 0, 0, 0] = np.nan, np.inf
    found = output_pictures(
        deployable(),
        {"float": result("float", outputs(values)), "kpu": result("kpu", outputs(broken))},
    )
    assert set(found) == {"output-picture.png"}
    with Image.open(io.BytesIO(found["output-picture.png"][0])) as opened:
        assert opened.height >= 3 * 12


def test_equal_outputs_look_equal_and_darker_ones_darker():
    ramp = np.linspace(0, 1, 3 * 144, dtype="f4").reshape(3, 1, 12, 12)

    def drawn(kpu):
        results = {"float": result("float", outputs(ramp)), "kpu": result("kpu", outputs(kpu))}
        data = output_pictures(deployable(), results)["output-picture.png"][0]
        with Image.open(io.BytesIO(data)) as opened:
            strip = np.asarray(opened.convert("L"), float)[:, opened.width // 2 :]
        third = len(strip) // 3
        return strip[third : 2 * third].mean(), strip[2 * third :].mean()

    float_mean, kpu_mean = drawn(ramp)
    assert kpu_mean == pytest.approx(float_mean, rel=0.05)
    float_mean, kpu_mean = drawn(ramp / 4)
    assert kpu_mean < float_mean - 20


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((2, 3, 8, 8), True),
        ((2, 1, 9, 30), True),
        ((2, 2, 9, 9), False),
        ((2, 3, 7, 9), False),
        ((2, 10), False),
    ],
)
def test_what_is_a_picture(shape, wanted):
    assert is_picture(np.zeros(shape, "f4")) is wanted
