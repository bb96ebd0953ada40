"""Videos come back to the byte, whole or in parts; what is none is refused in one line."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from PIL import Image

from harness.errors import DataError
from reference.visual_microphone.video import find_video, write_video

pytest.importorskip("av", reason="PyAV is not installed")


@pytest.fixture
def frames():
    return np.random.default_rng(0).integers(0, 256, (70, 20, 24), dtype=np.uint8)


def save_pictures(folder, frames):
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number}.png")


def test_a_file_is_read_back_to_the_byte(frames, tmp_path):
    write_video(tmp_path / "a.mkv", frames, 2200)
    video = find_video(tmp_path / "a.mkv")
    assert video.rate() == 2200
    assert np.array_equal(video.head(1000), frames)
    parts = list(video.parts(67))
    assert [len(part) for part in parts] == [64, 3]
    assert np.array_equal(np.concatenate(parts), frames[:67])


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "mpeg4"), (".avi", "mjpeg")])
def test_other_formats_are_read_too(tmp_path, suffix, codec):
    import av

    path = tmp_path / f"a{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for level in range(0, 200, 5):
            picture = np.full((48, 64, 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    found = find_video(path).head(100)
    assert found.shape == (40, 48, 64)
    assert np.abs(found.mean((1, 2)) - np.arange(0, 200, 5)).max() < 4
    assert find_video(path).rate() == 30


def test_pictures_are_frames_in_the_order_of_their_numbers(frames, tmp_path):
    save_pictures(tmp_path / "p", frames)
    video = find_video(tmp_path / "p")
    assert video.rate() is None
    assert np.array_equal(video.head(100), frames)
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for file in (tmp_path / "p").iterdir():
            archive.write(file, file.name)
    assert np.array_equal(find_video(tmp_path / "p.zip").head(100), frames)


def test_a_folder_may_hold_the_video(frames, tmp_path):
    write_video(tmp_path / "v" / "a.mkv", frames, 100)
    assert np.array_equal(find_video(tmp_path / "v").head(100), frames)
    write_video(tmp_path / "v" / "b.mkv", frames, 100)
    with pytest.raises(DataError, match="holds 2 videos → name one"):
        find_video(tmp_path / "v")


def test_what_is_no_video_is_refused(frames, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video at all")
    with pytest.raises(DataError, match="cannot be read as a video"):
        find_video(tmp_path / "a.mp4").head(10)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds neither a video nor pictures"):
        find_video(tmp_path / "empty")
    with pytest.raises(DataError, match="does not exist"):
        find_video(tmp_path / "nowhere")
    save_pictures(tmp_path / "few", frames[:31])
    with pytest.raises(DataError, match="has 31 frames → give a video of at least 32"):
        find_video(tmp_path / "few").head(100)
    save_pictures(tmp_path / "small", frames[:40, :15])
    with pytest.raises(DataError, match="is 24 x 15 pixels"):
        find_video(tmp_path / "small").head(100)
    save_pictures(tmp_path / "mixed", frames[:40])
    Image.new("L", (30, 30)).save(tmp_path / "mixed" / "40.png")
    with pytest.raises(DataError, match="frames of different sizes"):
        find_video(tmp_path / "mixed").head(100)


def test_a_sound_file_has_no_pictures(tmp_path):
    from scipy.io import wavfile

    wavfile.write(tmp_path / "a.wav", 8000, np.zeros(8000, np.int16))
    with pytest.raises(DataError, match="has no pictures in it"):
        find_video(tmp_path / "a.wav").head(10)


def test_a_video_cut_short_gives_what_it_has(frames, tmp_path):
    write_video(tmp_path / "a.mkv", frames, 100)
    data = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "b.mkv").write_bytes(data[: len(data) * 2 // 3])
    found = find_video(tmp_path / "b.mkv").head(100)
    assert 32 <= len(found) < 70
    assert np.array_equal(found[:-1], frames[: len(found) - 1])
