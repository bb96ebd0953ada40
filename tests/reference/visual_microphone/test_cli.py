"""`k210 run visual_microphone` as a user meets it, bad input included."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from harness.cli.app import run
from harness.report.schema import read_report
from reference.visual_microphone import METHOD
from tests.reference.battery.command import ShippedCommand
from tests.reference.battery.listener import as_arguments
from tests.reference.visual_microphone.test_method import QUICK

SETTINGS = as_arguments(QUICK)


class TestCommand(ShippedCommand):
    method, written = METHOD, ("recovered.wav", "spectrogram.png")
    good = staticmethod(lambda metrics: metrics["snr_db"] > 25)


@pytest.mark.sim
def test_a_users_video_runs_and_a_folder_of_its_pictures(video, tmp_path, capsys):
    from reference.visual_microphone.video import find_video

    command = ["run", "visual_microphone", *SETTINGS, "--data"]
    assert run([*command, str(video), "--out", str(tmp_path / "a")]) == 0, capsys.readouterr().err
    (tmp_path / "p").mkdir()
    for number, frame in enumerate(find_video(video).head(48)):
        Image.fromarray(frame).save(tmp_path / "p" / f"{number}.png")
    assert run([*command, str(tmp_path / "p"), "--out", str(tmp_path / "b")]) == 0
    report = read_report(tmp_path / "b")
    assert any("--set rate=FPS" in warning for warning in report.data.warnings)
    assert (tmp_path / "b" / "recovered.wav").is_file()


def test_bad_input_is_one_line_and_leaves_nothing(failure, video, tmp_path):
    out = tmp_path / "out"

    def of(*arguments) -> str:
        line = failure("run", "visual_microphone", "--out", out, *arguments)
        assert not out.exists() or not (out / "report.json").exists()
        return line

    (tmp_path / "a.mp4").write_bytes(b"no video")
    assert "cannot be read as a video" in of("--data", tmp_path / "a.mp4")
    assert "does not exist" in of("--data", tmp_path / "nowhere.mp4")
    (tmp_path / "empty").mkdir()
    assert "neither a video nor pictures" in of("--data", tmp_path / "empty")
    (tmp_path / "grey").mkdir()
    for number in range(40):
        Image.fromarray(np.full((64, 64), 7, np.uint8)).save(tmp_path / "grey" / f"{number}.png")
    assert "one single grey" in of("--data", tmp_path / "grey")
    assert "--set size=96" in of("--data", video, "--set", "size=128")
    assert "nothing above a cutoff of 2000 Hz" in of("--data", video, "--set", "cutoff=2000")
    assert "no room for 8 scales → --set scales=3" in of(
        "--data", video, *SETTINGS, "--set", "scales=8"
    )
    assert "take longer than a frame" in of("--data", video, *SETTINGS, "--set", "line_delay=50")
    assert "no option 'width'" in of("--set", "width=2")
    assert "no use for --epochs" in of("--epochs", "3")
