import numpy as np
import pytest
import torch

from harness.bench import simulator as bench
from harness.bench.footprint import footprint
from harness.errors import SimulationError
from reference.coin_classifier.networks import MobileNetV1
from tests.simulator.conftest import KMODELS


@pytest.mark.sim
def test_every_case_is_measured_and_exact(monkeypatch):
    torch.manual_seed(0)
    small = MobileNetV1(10, 0.25).eval()
    monkeypatch.setattr(bench, "CASES", (("0.25", 2), ("0.25", 1)))
    monkeypatch.setattr(bench, "_PROCESSES", 1)
    found = bench.bench_simulator({"0.25": small}, rounds=1)
    rows = found.speed
    assert [row.name for row in rows] == ["mobilenet_0.25_224_b2", "mobilenet_0.25_224_b1"]
    for row in rows:
        assert row.bit_exact
        assert row.ratio_nncase == pytest.approx(row.nncase_ms_per_image / row.ours_ms_per_image)
        assert row.onnxruntime_ms_per_image > 0
    (footprint,) = found.footprint
    assert footprint.name == "footprint_mobilenet_0.25_224_b2"
    assert 0.1 < footprint.kmodel_mb < 1
    assert 0 < footprint.load_ms < 500
    # PyTorch itself takes more than this, and a batch has to take something beside.
    assert 100 < footprint.imported_mb < footprint.peak_mb < 1000


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_a_device_is_measured_and_compared(device, monkeypatch):
    kmodel = (KMODELS / "residual.kmodel").read_bytes()
    images = np.load(KMODELS / "residual.npz")["input_0"]
    monkeypatch.setattr(bench, "_images", lambda count: images[:count])
    row = bench._on_device(kmodel, "0.25", device, batch=8)
    assert row.name == f"mobilenet_0.25_224_b8_{device}"
    assert row.images_per_second > 1
    assert row.bit_exact


def test_memory_is_that_of_the_new_process_alone():
    """Not of this one, which holds half a gigabyte while the other runs."""
    kmodel = (KMODELS / "residual.kmodel").read_bytes()
    small = footprint(kmodel, 1)
    held = np.ones(500_000_000, np.uint8)
    assert footprint(kmodel, 1).peak_mb < small.peak_mb + 100
    assert held.all()


def test_memory_grows_with_the_batch():
    kmodel = (KMODELS / "mbv1_025_128.kmodel").read_bytes()
    assert footprint(kmodel, 256).peak_mb > footprint(kmodel, 1).peak_mb + 50


def test_a_process_that_fails_says_why():
    with pytest.raises(SimulationError, match=r"measures memory failed: .*KModelError"):
        footprint(b"no kmodel", 1)
