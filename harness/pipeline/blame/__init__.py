"""`k210 blame`: a run folder in, its layers side by side and a verdict out, beside the report."""

from __future__ import annotations

from harness.pipeline.blame.records import document
from harness.pipeline.blame.run import BlameRequest, blame_run, takes_calibration

__all__ = ["BlameRequest", "blame_run", "document", "takes_calibration"]
