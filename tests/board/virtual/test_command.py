"""`k210 board virtual` prints the port and stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.board.virtual.profile import PROFILES

from .client import Client

COMMAND = [sys.executable, "-c", "from harness.cli import main; main()", "board", "virtual"]


def test_the_command_offers_the_profiles_there_are_and_loads_no_board_for_it():
    code = (
        "import sys; from harness.cli.commands.board import virtual; from harness.cli import main\n"
        "assert 'numpy' not in sys.modules; main()"
    )
    command = [sys.executable, "-c", code, "board", "virtual", "--help"]
    told = subprocess.check_output(command, text=True)
    assert all(name in told for name in PROFILES)


@pytest.mark.parametrize(("end", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_port_is_printed_and_the_board_ends_with_the_command(micropython, tmp_path, end, code):
    command = [*COMMAND, "--json", "--files", str(tmp_path), "--lcd", str(tmp_path / "lcd")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        lines = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
            assert lines[-1]
        told = json.loads("".join(lines))
        assert told["kind"] == "virtual"
        with Client(told["port"]) as client:
            client.enter_raw()
            client.run("import lcd, image\nlcd.init()\nlcd.display(image.Image())")
        assert len(list((tmp_path / "lcd").glob("*.png"))) == 2
        process.send_signal(end)
        assert process.wait(20) == code
    finally:
        process.kill()
    assert not Path(f"/proc/{told['pid']}").exists()


@pytest.mark.parametrize("arguments", [["--profile", "esp32"], ["--files", "/none"]])
def test_bad_arguments_are_one_line_and_exit_code_2(arguments):
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, env={**os.environ}
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
