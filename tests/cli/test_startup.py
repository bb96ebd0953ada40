import subprocess
import sys

import harness


def test_importing_the_package_and_the_command_line_loads_no_pytorch():
    code = (
        "import sys, harness, harness.cli, harness.pytest_plugin, harness.method\n"
        "heavy = {'torch', 'onnx', 'numpy', 'PIL', 'matplotlib', 'rich.progress'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version_and_help(k210_command):
    assert k210_command("--version").out.strip() == f"k210-harness {harness.__version__}"
    ended = k210_command("--help")
    assert ended.code == 0
    for command in ("doctor", "setup", "methods", "train", "run", "compare", "compile", "bench"):
        assert command in ended.out


def test_every_command_shows_examples(k210_command):
    for command in ("doctor", "setup", "methods", "train", "run", "compare", "compile"):
        ended = k210_command(command, "--help")
        assert ended.code == 0
        assert f"k210 {command}" in ended.out.partition("Examples")[2]


def test_wrong_usage_is_one_line(k210_command):
    for arguments in (
        ["nonsense"],
        ["run"],
        ["methods", "--nonsense"],
        ["run", "x", "--folds", "a"],
    ):
        assert k210_command(*arguments).error_line()


def test_an_unexpected_error_is_one_line_with_a_way_to_the_traceback(k210_command, monkeypatch):
    def broken():
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("harness.method.available", broken)
    assert "K210_DEBUG=1" in k210_command("methods").error_line()
    monkeypatch.setenv("K210_DEBUG", "1")
    assert "Traceback" in k210_command("methods").err


def test_interruption_has_its_own_exit_code(k210_command, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.method.available", interrupted)
    ended = k210_command("methods")
    assert (ended.code, ended.err) == (130, "k210: interrupted\n")
