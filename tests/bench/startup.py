"""How long a person waits before anything happens: `tox run -e bench`."""

import subprocess
import sys
from pathlib import Path

K210 = Path(sys.executable).with_name("k210")


def test_help(benchmark):
    benchmark.pedantic(
        subprocess.run,
        args=([K210, "--help"],),
        kwargs={"check": True, "capture_output": True},
        warmup_rounds=1,
        rounds=9,
    )
    assert benchmark.stats["median"] <= 0.4


def test_import(benchmark):
    benchmark.pedantic(
        subprocess.run, args=([sys.executable, "-c", "import harness"],), warmup_rounds=1, rounds=9
    )
