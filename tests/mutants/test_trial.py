"""A fault that a test sees is found, one that none sees survives, one that never ends is ended."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

CODE = "def under(a, b):\n    while a >= b:\n        a -= b\n    return a, 1 + 1\n"
TEST = """
from harness.kmodel.own import under

def test_under():
    assert under(7, 3)[0] == 1

def test_later():
    assert under(1, 3)[0] == 1
"""
TRIAL = """
import json, sys
from pathlib import Path
from dataclasses import asdict
from tests.mutants import trial
from tests.mutants.trial import changed, judge
trial.TEST_SECONDS = 0.5
path, tests = Path("harness/kmodel/own.py"), json.loads(sys.argv[1])
seconds = dict.fromkeys(tests, 0.0)
for code in json.loads(sys.argv[2]):
    with changed(path, code):
        print(json.dumps(asdict(judge(tests, seconds, Path.cwd()))))
"""


@pytest.fixture
def repository(tmp_path):
    """A repository of one module and one file of tests, beside this package."""
    for name, text in {
        "harness/__init__.py": "",
        "harness/kmodel/__init__.py": "",
        "harness/kmodel/own.py": CODE,
        "tests/__init__.py": "",
        "tests/kmodel/test_own.py": TEST,
        "pyproject.toml": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "tests/mutants").symlink_to(REPOSITORY / "tests/mutants")
    return tmp_path


def test_verdicts(repository):
    tests = [f"tests/kmodel/test_own.py::test_{name}" for name in ("under", "later")]
    codes = [
        CODE,
        CODE.replace("return a,", "return +a,"),
        CODE.replace("1 + 1", "1 - 1"),
        CODE.replace(">=", "<="),
        "import nothing_of_this_name\n" + CODE,
        CODE.replace("a -= b", "a -= 0"),
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    found = subprocess.run(
        [sys.executable, "-c", TRIAL, json.dumps(tests), json.dumps(codes)],
        cwd=repository,
        env=environment | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    verdicts = [json.loads(line) for line in found.stdout.splitlines()]
    assert [one["outcome"] for one in verdicts] == [
        "survived",
        "survived",
        "survived",
        "killed",
        "killed",
        "timeout",
    ], found.stderr
    assert [one["by"] for one in verdicts[3:]] == [tests[0], "collection", tests[0]]
    assert (repository / "harness/kmodel/own.py").read_text() == CODE
