"""Tracebacks of a firmware, with our names in them."""

from __future__ import annotations

import json

import pytest

from harness.board.failures import ScriptError, with_our_names
from harness.board.raw_repl import Reply


@pytest.fixture
def error_of(shared):
    lines = (shared / "golden/maixpy_0.4.0_m5stickv.jsonl").read_text().splitlines()
    records = {record["label"]: record for record in map(json.loads, lines)}

    def error(label: str) -> ScriptError:
        reply = Reply()
        reply.feed(records[label]["received"].encode("latin-1"))
        text = reply.error.decode(errors="backslashreplace")
        return ScriptError(with_our_names(text, "mine.py", staged=False), "mine.py")

    return error


@pytest.mark.parametrize(
    ("label", "kind", "line", "said"),
    [
        ("raw error", "ZeroDivisionError", 2, "zero (in mine.py line 2, from mine.py line 3)"),
        ("raw syntax error", "SyntaxError", 1, "invalid syntax"),
        ("heap exhaustion", "MemoryError", 1, "allocating 3000000 bytes"),
        ("Maix utils", "ImportError", 2, "cannot import name utils"),
        ("kpu missing file", "ValueError", 2, "\\xfa"),
        ("kpu forward wrong size", "ValueError", 6, "[MAIXPY]kpu: check img format err!"),
    ],
)  # fmt: skip
def test_what_a_firmware_says(error_of, label, kind, line, said):
    error = error_of(label)
    assert (error.kind, error.line) == (kind, line)
    assert said in str(error)
    assert "\n" not in error.cause


def test_the_command_that_runs_staged_code_is_not_shown():
    board = (
        'Traceback (most recent call last):\r\n  File "<stdin>", line 1, in <module>\r\n'
        '  File "infer.py", line 20, in <module>\r\n'
        '  File "<string>", line 7, in f\r\nOSError: 5\r\n'
    )
    text = with_our_names(board, "infer.py", staged=True)
    assert text.count("infer.py") == 2
    assert "<" not in text.replace("<module>", "")
    assert ScriptError(text, "infer.py").line == 7
