import pytest
from torch import nn

from harness.errors import CompileError, MethodError
from harness.pipeline.factory import load_module
from harness.pipeline.source import input_shape, is_file, source_of


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n"
        "def make(): return nn.Conv2d(3, 4, 1)\n"
        "ready = nn.ReLU()\n"
        "def wrong(): return 3\n"
        "def fails(): raise RuntimeError('no weights')\n"
        "def leaves(): raise SystemExit(0)\n"
        "def needs(argument): return argument\n"
    )
    (tmp_path / "broken.py").write_text("import nothing_of_that_name\n")


@pytest.mark.usefixtures("package")
def test_a_factory_or_a_module_is_loaded_in_evaluation_mode():
    assert isinstance(load_module("mine:make"), nn.Conv2d)
    assert not load_module("mine:ready").training


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("mine", "does not name a factory"),
        ("mine:", "does not name a factory"),
        ("nowhere:make", "No module named 'nowhere'"),
        ("broken:make", "nothing_of_that_name"),
        ("mine:absent", "absent"),
        ("mine:fails", "no weights"),
        ("mine:leaves", "SystemExit"),
        ("mine:needs", "argument"),
        ("mine:wrong", "returned int"),
    ],
)
def test_every_other_thing_is_one_clear_error(spec, message):
    with pytest.raises(MethodError, match=message):
        load_module(spec)


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("spec", "cause", "remedy"),
    [
        ("mine:absent", "cannot be imported", "check the name"),
        ("mine:needs", "without arguments", "give its arguments defaults"),
        ("mine:fails", r"failed: RuntimeError: no weights (mine.py, line 5)", "mend the factory"),
    ],
)
def test_each_way_to_fail_has_its_own_remedy(spec, cause, remedy):
    with pytest.raises(MethodError) as error:
        load_module(spec)
    assert cause in error.value.cause
    assert remedy in error.value.remedy


def test_files_and_factories_are_told_apart():
    assert is_file("a/b.onnx")
    assert is_file("net.tflite")
    assert is_file("net.pt")
    assert not is_file("package.module:factory")


def test_another_format_is_refused():
    with pytest.raises(CompileError, match=r"neither a \.onnx nor a \.tflite"):
        input_shape("net.pt")


@pytest.mark.parametrize("name", ["x.onnx", "x.tflite"])
def test_missing_and_damaged_files(tmp_path, name):
    with pytest.raises(CompileError, match="cannot be read"):
        input_shape(str(tmp_path / name))
    for data in (b"", b"\x00" * 40, b"TFL3" * 10, b"\x08\x07\x12" + b"\xff" * 30):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(CompileError):
            input_shape(str(tmp_path / name))


def test_a_contract_of_another_size_is_refused(tmp_path):
    from harness.method import InputContract
    from tests.compiler.test_lower import FORMS

    path = tmp_path / "net.onnx"
    path.write_bytes(FORMS["reduce mean, axes as input (18)"])
    assert input_shape(str(path)) == (3, 16, 16)
    with pytest.raises(CompileError, match=r"takes \(3, 16, 16\)"):
        source_of(str(path), InputContract((3, 32, 32)))
