"""The shipped filters on every backend, compared by the sound that is heard with them."""

from __future__ import annotations

import json

import pytest

from harness.method import TrainJob
from reference.shipped import weights_file
from reference.visual_microphone import METHOD
from reference.visual_microphone.checkpoint import read_checkpoint
from tests.reference.battery.shipped import ManifestBattery, ShippedBattery, of_backends

# What 8 bits may cost the sound, at a motion of a tenth of a pixel.
MOST_DB = 1.0


class TestShipped(ShippedBattery, ManifestBattery):
    method, read, items = METHOD, staticmethod(read_checkpoint), 128
    # Few frames, as four maps a frame take their time on a serial line.
    on_board = 4

    @pytest.mark.sim
    def test_the_k210_hears_within_a_decibel_of_float_and_of_the_pyramid(self, run):
        metrics = of_backends(run)
        for name in ("nncase", "kpu"):
            assert metrics[name]["snr_db"] > metrics["float"]["snr_db"] - MOST_DB
            assert metrics[name]["correlation"] > 0.995
        assert metrics["kpu"]["snr_db"] > 23

    def test_the_manifest_has_the_settings(self):
        manifest = json.loads(weights_file("visual_microphone.json").read_text())
        assert manifest["settings"] == vars(read_checkpoint(METHOD.shipped()).settings)


def test_fitting_anew_gives_the_same_filters(tmp_path):
    again = read_checkpoint(METHOD.train(TrainJob(out=tmp_path, seed=0)))
    shipped = read_checkpoint(METHOD.shipped())
    assert again.kernels.numpy() == pytest.approx(shipped.kernels.numpy(), abs=1e-5)
    assert again.metrics["snr_db"] == pytest.approx(shipped.metrics["snr_db"], abs=0.1)
    assert again.job == shipped.job
