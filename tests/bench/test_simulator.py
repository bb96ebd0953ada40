import pytest
import torch

from harness.bench import simulator as bench
from reference.coin_classifier.networks import MobileNetV1


@pytest.mark.sim
def test_every_case_is_measured_and_exact(monkeypatch):
    torch.manual_seed(0)
    small = MobileNetV1(10, 0.25).eval()
    monkeypatch.setattr(bench, "CASES", (("0.25", 2), ("0.25", 1)))
    rows = bench.bench_simulator({"0.25": small}, rounds=1)
    assert [row.name for row in rows] == ["mobilenet_0.25_224_b2", "mobilenet_0.25_224_b1"]
    for row in rows:
        assert row.bit_exact
        assert row.ratio_nncase == pytest.approx(row.nncase_ms_per_image / row.ours_ms_per_image)
        assert row.onnxruntime_ms_per_image > 0
