"""A training that was killed in the middle of an epoch ends in the same bytes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from reference.coin_classifier.train import train
from reference.training.folder import STATE_NAME

CHILD = """
import sys
from pathlib import Path
import torch
from harness.method import TrainJob
from reference.coin_classifier.train import train

torch.set_num_threads(1)
train(TrainJob(out=Path(sys.argv[1]), data=Path(sys.argv[2]), epochs=8,
               options={"size": "96", "batch": "32"}))
"""
PATIENCE_SECONDS = 120


def kill_after_first_epoch(out: Path, data: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(out), str(data)])
    end = time.monotonic() + PATIENCE_SECONDS
    while not (out / STATE_NAME).exists() and child.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL


def test_a_killed_training_ends_in_the_same_bytes(job, photographs, tmp_path):
    out = tmp_path / "killed"
    kill_after_first_epoch(out, photographs)
    assert (out / STATE_NAME).is_file()
    assert not (out / "checkpoint.safetensors").exists()
    resumed = train(job(out=out, epochs=8)).read_bytes()
    assert resumed == train(job(out=tmp_path / "whole", epochs=8)).read_bytes()
