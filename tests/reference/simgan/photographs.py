"""What the estimator of a checkpoint reaches on photographs, as the experiment judges it."""

from __future__ import annotations

from pathlib import Path

import torch

from reference.simgan.checkpoint import read_checkpoint
from reference.simgan.data import as_floats, labelled_photographs
from reference.simgan.estimator import gaze_metrics
from reference.simgan.experiment import PHOTOGRAPHS


def on_photographs(checkpoint: Path) -> dict[str, float]:
    estimator = read_checkpoint(checkpoint).networks.estimator
    judges = labelled_photographs(PHOTOGRAPHS)
    return gaze_metrics(estimator, as_floats(torch.from_numpy(judges.images)), judges.gaze)
