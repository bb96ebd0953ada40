"""One thread, as results to the bit depend on their number; a small video of a chirp."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from reference.visual_microphone.samples import write_sample


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A texture of 96 x 96 pixels that a chirp moves, 160 frames at 2200 a second."""
    pytest.importorskip("av", reason="PyAV, which writes the video, is not installed")
    path = tmp_path_factory.mktemp("video") / "chirp.mkv"
    write_sample(path, 160)
    return path
