"""The Visual Microphone behind the interface of all methods."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from harness.errors import DataError, MethodError
from harness.method import EvaluationSet, Fold, TrainJob
from reference import weights_file
from reference.visual_microphone import METHOD
from reference.visual_microphone.artefacts import wav_bytes
from reference.visual_microphone.checkpoint import read_checkpoint
from reference.visual_microphone.data import rendered
from reference.visual_microphone.listening import maps_of
from reference.visual_microphone.networks import to_bands
from reference.visual_microphone.rolling_shutter import Shutter
from reference.visual_microphone.samples import write_sample
from reference.visual_microphone.scenes import texture, to_bytes, vibrating
from reference.visual_microphone.settings import Settings
from reference.visual_microphone.train import fit
from reference.visual_microphone.video import write_video
from tests.reference.battery.checkpoint import CheckpointBattery
from tests.reference.battery.interface import InterfaceBattery

QUICK = {"size": "32", "frames": "64"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("trained")
    return METHOD.train(TrainJob(out=out, options=QUICK))


def outputs_of(deployable):
    return {"maps": maps_of(deployable.module, deployable.evaluation.inputs[:, 0])}


class TestInterface(InterfaceBattery):
    method, settings, paper, shape = METHOD, Settings, "10.1145/2601097.2601119", (1, 64, 64)

    def test_the_numbers_of_weights_and_products_are_those_of_one_layer(self):
        assert (METHOD.info().parameters, METHOD.info().macs) == (36, 147_456)
        assert read_checkpoint(METHOD.shipped()).settings == Settings()


class TestCheckpoint(CheckpointBattery):
    method, read = METHOD, staticmethod(read_checkpoint)
    # All kernels are of one size.
    test_weights_of_another_size_than_the_words_say_are_refused = None


def test_kernels_that_are_none_are_refused(trained, tmp_path):
    path = tmp_path / "c.safetensors"
    _, words = weights_file.read(trained, "visual_microphone")
    for wrong in (torch.zeros(4, 1, 5, 5), torch.full((4, 1, 3, 3), float("nan"))):
        weights_file.write(path, "visual_microphone", {"kernels": wrong}, words)
        with pytest.raises(MethodError, match="does not hold 4 kernels of 3 x 3"):
            read_checkpoint(path)


def test_folds_are_refused(trained):
    with pytest.raises(MethodError, match="has no cross-validation"):
        METHOD.deployable(trained, None, Fold(0, 2))


def test_training_twice_gives_the_same_file(trained, tmp_path):
    again = METHOD.train(TrainJob(out=tmp_path, options=QUICK))
    assert again.read_bytes() == trained.read_bytes()
    other = METHOD.train(TrainJob(out=tmp_path, seed=1, options=QUICK))
    assert other.read_bytes() != trained.read_bytes()


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"epochs": 2}, "--epochs"), ({"init": "x"}, "--init"), ({"fold": Fold(0, 2)}, "--folds")],
)
def test_what_a_single_step_has_no_use_for_is_refused(changes, said, tmp_path):
    with pytest.raises(MethodError, match=f"no use for {said}"):
        METHOD.train(TrainJob(out=tmp_path, **changes))
    assert not list(tmp_path.iterdir())


def test_filters_hear_what_the_pyramid_hears():
    """On the rendered scene, whatever its texture, within a decibel."""
    for seed in range(3):
        footage = rendered(Settings(frames=256), seed)
        found = fit(footage, Settings(frames=256), seed)
        assert found.metrics["snr_db"] > 24


def test_the_deployable_is_the_checkpoint(trained):
    deployable = METHOD.deployable(trained)
    assert deployable.contract.shape == (1, 32, 32)
    assert (deployable.outputs, len(deployable.evaluation)) == (("maps",), 64)
    judged = {image.tobytes() for image in deployable.evaluation.inputs}
    assert not judged & {image.tobytes() for image in deployable.calibration}
    maps = torch.from_numpy(outputs_of(deployable)["maps"])
    assert to_bands(maps).shape == (64, 2, 30, 30)
    found = deployable.metrics({"maps": maps.numpy()}, deployable.evaluation)
    kept = read_checkpoint(trained).metrics
    assert found == pytest.approx(found | kept, abs=1e-4)
    assert set(found) == set(kept) | {f"pyramid_{name}" for name in kept}


def test_noise_in_the_maps_is_heard_and_a_few_frames_are_no_sound(trained):
    deployable = METHOD.deployable(trained)
    outputs, whole = outputs_of(deployable), deployable.evaluation
    rng = np.random.default_rng(0)
    spoilt = outputs["maps"] + 0.05 * rng.standard_normal(outputs["maps"].shape).astype(np.float32)
    clean, noisy = (deployable.metrics({"maps": maps}, whole) for maps in (outputs["maps"], spoilt))
    assert noisy["snr_db"] < clean["snr_db"] - 3
    assert noisy["pyramid_snr_db"] < clean["pyramid_snr_db"] - 3
    one = EvaluationSet(whole.ids[:1], whole.inputs[:1])
    assert deployable.metrics({"maps": outputs["maps"][:1]}, one) == {}


def test_a_users_video_has_no_true_sound(trained, video):
    deployable = METHOD.deployable(trained, video)
    found = deployable.metrics(outputs_of(deployable), deployable.evaluation)
    assert set(found) == {
        "pyramid_snr_db",
        "pyramid_correlation",
        "pyramid_spectral_convergence",
    }
    assert found["pyramid_snr_db"] > 10


def test_sound_and_spectrogram_of_the_whole_video_are_written(trained, video, tmp_path):
    written = METHOD.artefacts(METHOD.deployable(trained, video), tmp_path, tmp_path, tmp_path)
    assert set(written.values()) == {"recovered.wav", "denoised.wav", "spectrogram.png"}
    for name in ("recovered.wav", "denoised.wav"):
        rate, samples = wavfile.read(tmp_path / name)
        assert (rate, samples.dtype, len(samples)) == (2200, np.int16, 160)
        assert abs(int(samples.max())) == 32767
    METHOD.artefacts(METHOD.deployable(trained), tmp_path, tmp_path, tmp_path)
    assert (tmp_path / "true.wav").is_file()


def test_a_video_that_is_cut_says_so(video, tmp_path):
    cut = METHOD.train(TrainJob(out=tmp_path, data=video, options=QUICK | {"most": "100"}))
    written = METHOD.artefacts(METHOD.deployable(cut, video), tmp_path, tmp_path, tmp_path)
    assert written["sound of the first 100 frames, by the steerable pyramid"] == "recovered.wav"
    assert len(wavfile.read(tmp_path / "recovered.wav")[1]) == 100


def test_rows_of_a_rolling_shutter_make_their_own_sound(tmp_path):
    camera = Shutter(60, 1 / 60 / 60, 48)
    motion = 0.2 * np.sin(2 * np.pi * 310 * camera.times(40))
    write_video(tmp_path / "a.mkv", to_bytes(vibrating(texture(48, 48, 1), motion)), 60)
    options = QUICK | {"line_delay": f"{camera.line_delay * 1e6:.6f}"}
    checkpoint = METHOD.train(
        TrainJob(out=tmp_path / "t", data=tmp_path / "a.mkv", options=options)
    )
    deployable = METHOD.deployable(checkpoint, tmp_path / "a.mkv")
    METHOD.artefacts(deployable, tmp_path, tmp_path, tmp_path)
    rate, samples = wavfile.read(tmp_path / "recovered.wav")
    assert rate == 3600
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    assert abs(power.argmax() * rate / len(samples) - 310) < 3


def test_a_wav_file_is_as_loud_as_it_can_be():
    assert len(wav_bytes(np.zeros(10), 100.4)) == 44 + 20


@pytest.mark.parametrize("sound", ["chirp", "syllables"])
def test_samples_are_videos_that_can_be_listened_to(tmp_path, sound):
    write_sample(tmp_path / "a.mkv", 64, sound=sound)
    assert METHOD.train(TrainJob(out=tmp_path, data=tmp_path, options=QUICK)).is_file()


def test_a_video_smaller_than_the_filters_is_refused(trained, tmp_path):
    write_video(tmp_path / "a.mkv", to_bytes(vibrating(texture(24, 24, 1), np.zeros(40))), 100)
    with pytest.raises(DataError, match="24 x 24 pixels, and the K210's part 32 x 32"):
        METHOD.deployable(trained, tmp_path / "a.mkv")
