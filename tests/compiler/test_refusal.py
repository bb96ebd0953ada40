import pytest

from harness.compiler.refusal import explain
from harness.errors import CompileError
from tests.compiler.test_lower import FORMS

MODEL = FORMS["reduce mean, axes as input (18)"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Not supported ONNX opcode: ReduceMean",
            "nncase does not know operation ReduceMean at layer the_ReduceMean",
        ),
        ("Not supported ONNX opcode: Novel", "nncase does not know operation Novel"),
        ("Unsupported unary op for nnil: unary_erf", "nncase cannot compile operation erf"),
        (
            "Emitter for /d/Up(Up)[Conv2DTranspose] is not found in module stackvm[stackvm]",
            "nncase cannot compile operation Up at layer /d/Up",
        ),
        ("Allocator has ran out of memory", "the model does not fit the K210"),
    ],
)
def test_known_refusals(text, expected):
    explained = explain(CompileError(text, output="log"), MODEL)
    assert explained.cause.startswith(expected)
    assert explained.remedy
    assert explained.output == "log"


def test_an_unknown_refusal_is_passed_on_as_it_is():
    error = CompileError("something else", "do that")
    assert explain(error, MODEL) is error
