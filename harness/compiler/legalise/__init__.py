"""Any network → the same function in what nncase 1.9 compiles right and the KPU runs."""

from __future__ import annotations

from harness.compiler.legalise.catalogue import REWRITES, modes_of, parse_requests
from harness.compiler.legalise.legaliser import Legalised, legalise
from harness.compiler.legalise.rewrite import Applied, Rewrite

__all__ = [
    "REWRITES",
    "Applied",
    "Legalised",
    "Rewrite",
    "legalise",
    "modes_of",
    "parse_requests",
]
