"""`k210 check`: what will run where, why, and what it costs, before any training."""

from __future__ import annotations

from harness.pipeline.check.result import Check, Fit, Layer, Measures, Offer
from harness.pipeline.check.run import check
from harness.pipeline.check.subject import Subject, subject_of

__all__ = ["Check", "Fit", "Layer", "Measures", "Offer", "Subject", "check", "subject_of"]
