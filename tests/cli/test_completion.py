"""What the shell offers, asked as a shell asks."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def offered(*words: str) -> list[str]:
    """Return what bash would show after Tab behind `k210 words…`."""
    line = " ".join(("k210", *words))
    environment = {
        **os.environ,
        "_K210_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words)),
    }
    program = [sys.executable, "-c", "from harness.cli import main; main()"]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=60)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("run", "coin"), ["coin_classifier"]),
        (("run", "coin_classifier", "--backends", "float,nn"), ["float,nncase"]),
        (("run", "coin_classifier", "--calibrate", "kld_m"), ["kld_m0", "kld_m1", "kld_m2"]),
        (("compile", "net.onnx", "--color", "G"), ["GRAY"]),
        (("convert", "in", "out", "--firmware", "can"), ["canmv-1.0"]),
        (("compile", "net.onnx", "--resize", "let"), ["letterbox"]),
        (("check", "net.onnx", "--legalise", "grouped=s"), ["grouped=split"]),
    ],
)
def test_values_are_offered(words, wanted):
    assert offered(*words) == wanted


def test_no_backend_is_offered_twice():
    assert not [text for text in offered("run", "x", "--backends", "kpu,") if text == "kpu,kpu"]
