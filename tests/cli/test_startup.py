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
    wrong = (
        ["nonsense"],
        ["run"],
        ["methods", "--nonsense"],
        ["run", "x", "--folds", "a"],
        ["train", "x", "--epochs", "0", "--out", "y"],
    )
    for arguments in wrong:
        assert "see k210 --help" in k210_command(*arguments).error_line()


def test_a_closed_pipe_is_no_verdict():
    code = "from harness.cli import main; main(['--help'])"
    process = subprocess.Popen(
        [sys.executable, "-c", f"import time; time.sleep(0.5); {code}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    err = process.stderr.read()
    assert (process.wait(60), err) == (141, b"")


def test_the_command_line_needs_no_package_of_the_dev_extra():
    code = "import sys; sys.modules['click'] = None; from harness.cli import main; main(['--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert b"compare" in done.stdout


def test_an_unexpected_error_is_one_line_with_a_way_to_the_traceback(k210_command, monkeypatch):
    def broken():
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("harness.method.available", broken)
    assert "K210_DEBUG=1" in k210_command("methods").err
    monkeypatch.setenv("K210_DEBUG", "1")
    assert "Traceback" in k210_command("methods").err


def test_interruption_has_its_own_exit_code(k210_command, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.method.available", interrupted)
    ended = k210_command("methods")
    assert (ended.code, ended.err) == (130, "k210: interrupted\n")
