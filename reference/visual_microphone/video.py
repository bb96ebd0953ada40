"""Videos as grey frames: files that PyAV reads, and folders or zips of pictures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data.archive import PICTURE_SUFFIXES, has_suffix, open_archive
from harness.data.decode import decode
from harness.errors import DataError, SetupError
from reference.visual_microphone.structure import FEWEST_FRAMES

if TYPE_CHECKING:
    from harness.method import Images

VIDEO_SUFFIXES = (".mkv", ".mp4", ".avi", ".mov", ".webm", ".m4v", ".mpg", ".wmv")
# Less holds no texture.
SMALLEST = 16
CHUNK = 64


@dataclass(frozen=True)
class Video:
    """A video that is read part by part, as often as asked for.

    Attributes:
        path: A video file, or a folder or zip of pictures.
        pictures: Whether it is pictures.
    """

    path: Path
    pictures: bool

    def rate(self) -> float | None:
        """Return the frames a second that the file says; None of pictures and of a silent file."""
        if self.pictures:
            return None
        with _opened(self.path) as (_, stream):
            found = stream.average_rate or stream.base_rate
            return float(found) if found else None

    def parts(self, most: int) -> Iterator[Images]:
        """Yield grey frames, uint8 [n, H, W], `most` together at most.

        Raises:
            DataError: The file is no video or damaged, or its frames differ in size.
        """
        frames = itertools.islice(self._frames(), most)
        size = None
        while part := list(itertools.islice(frames, CHUNK)):
            size = size or part[0].shape
            if any(frame.shape != size for frame in part):
                raise DataError(
                    f"{self.path} has frames of different sizes", "give one take of one camera"
                )
            yield np.stack(part)

    def head(self, most: int) -> Images:
        """Return the first frames, uint8 [T, H, W].

        Raises:
            DataError: There are too few, or they are too small.
        """
        found = list(self.parts(most))
        count = sum(map(len, found))
        if count < FEWEST_FRAMES:
            raise DataError(
                f"{self.path} has {count} frames", f"give a video of at least {FEWEST_FRAMES}"
            )
        height, width = found[0].shape[1:]
        if min(height, width) < SMALLEST:
            raise DataError(
                f"{self.path} is {width} x {height} pixels",
                f"give a video of at least {SMALLEST} x {SMALLEST}",
            )
        return np.concatenate(found)

    def _frames(self) -> Iterator[Images]:
        return _of_pictures(self.path) if self.pictures else _of_file(self.path)


def find_video(path: Path) -> Video:
    """Return the video at a path: a file, a folder with one file, or pictures in natural order.

    Raises:
        DataError: There is none, or a folder has several.
    """
    if path.is_file() and not has_suffix(path.name, (".zip",)):
        return Video(path, False)
    if path.is_dir():
        files = sorted(one for one in path.iterdir() if has_suffix(one.name, VIDEO_SUFFIXES))
        if len(files) > 1:
            raise DataError(f"{path} holds {len(files)} videos", f"name one, such as {files[0]}")
        if files:
            return Video(files[0], False)
    if not any(has_suffix(name, PICTURE_SUFFIXES) for name in open_archive(path).files):
        raise DataError(
            f"{path} holds neither a video nor pictures",
            "give a video file, or PNG, JPEG or BMP files in the order of their names",
        )
    return Video(path, True)


def write_video(path: Path, frames: Images, rate: int) -> None:
    """Write grey frames [T, H, W] as a video without loss (FFV1 in Matroska).

    Raises:
        SetupError: PyAV is not installed.
    """
    av = _av()
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = "gray"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
        container.mux(stream.encode())


def _of_pictures(path: Path) -> Iterator[Images]:
    files = open_archive(path).files
    for name, read in files.items():
        if has_suffix(name, PICTURE_SUFFIXES):
            yield np.asarray(decode(read(), name).convert("L"))


def _of_file(path: Path) -> Iterator[Images]:
    with _opened(path) as (container, stream):
        stream.thread_type = "AUTO"
        try:
            for frame in container.decode(stream):
                yield frame.to_ndarray(format="gray")
        except _av().FFmpegError as error:
            raise DataError(f"{path} is damaged: {error}", "give a whole video") from error


class _opened:  # noqa: N801  read as a word: with _opened(path)
    """A video file and its first picture stream, closed at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> tuple[Any, Any]:
        av = _av()
        try:
            self.container = av.open(str(self.path))
        except (av.FFmpegError, OSError) as error:
            raise DataError(
                f"{self.path} cannot be read as a video: {error}", "give a video file"
            ) from error
        if not self.container.streams.video:
            self.container.close()
            raise DataError(f"{self.path} has no pictures in it", "give a video file")
        return self.container, self.container.streams.video[0]

    def __exit__(self, *_: object) -> None:
        self.container.close()


def _av() -> Any:  # noqa: ANN401  a module that need not be installed
    try:
        import av
    except ImportError as error:
        raise SetupError(
            "PyAV, which reads videos, is not installed",
            "pip install 'k210-harness[reference]', or give a folder of pictures",
        ) from error
    return av
