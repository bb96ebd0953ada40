"""How long a prediction takes, and how long a person waits for it: `tox run -e bench`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.kmodel import load
from harness.timing import predict
from tests.conftest import REPOSITORY

K210 = Path(sys.executable).with_name("k210")
FIXTURES = REPOSITORY / "fixtures" / "kmodels"
SHARED = Path(os.environ.get("K210_SHARED", REPOSITORY.parent / "shared"))
# Those that ship with the repository, and third-party ones where their folder is.
PATHS = {path.name: path for at in (SHARED, FIXTURES) for path in at.rglob("*.kmodel")}


@pytest.mark.parametrize("name", sorted(PATHS))
def test_prediction(benchmark, name):
    benchmark(predict, load(PATHS[name]))
    assert benchmark.stats["median"] <= 0.05


def test_command(benchmark):
    benchmark.pedantic(
        subprocess.run,
        args=([K210, "predict", FIXTURES / "mbv1_025_128.kmodel"],),
        kwargs={"check": True, "capture_output": True},
        warmup_rounds=1,
        rounds=9,
    )
    assert benchmark.stats["median"] <= 0.6
