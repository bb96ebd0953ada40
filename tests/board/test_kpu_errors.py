"""Errors of the KPU module as one clear line each."""

from __future__ import annotations

import pytest

from harness.board.failures import ScriptError
from harness.board.kpu_errors import TABLE, kpu_error, out_of_memory
from harness.board.virtual.services.kpu import WORDS

FRAME = 'Traceback (most recent call last):\n  File "infer.py", line 7, in <module>\n'


def test_the_table_has_each_number_with_words_of_its_own():
    assert list(TABLE) == list(range(2001, 2016))
    for column in ("name", "cause", "remedy"):
        assert len({getattr(error, column) for error in TABLE.values()}) == len(TABLE)


@pytest.mark.parametrize("code", TABLE)
@pytest.mark.parametrize("shape", ["ValueError: [MAIXPY]kpu: load error:{}, {}", "OSError: {1}"])
def test_both_forms_of_the_firmware_become_cause_and_remedy(code, shape):
    error = ScriptError(FRAME + shape.format(code, TABLE[code].name) + "\n", "infer.py")
    assert error.code == code
    assert TABLE[code].cause in str(error)
    assert str(code) in str(error)
    assert error.remedy == TABLE[code].remedy
    assert "\n" not in str(error)
    assert error.line == 7


@pytest.mark.parametrize("code", WORDS)
def test_what_the_virtual_board_says_is_known(code):
    assert kpu_error(f"[MAIXPY]kpu: load error:{code}, {WORDS[code]}") is TABLE[code]
    if code != 2015:
        assert kpu_error(WORDS[code]) is TABLE[code]


@pytest.mark.parametrize("text", ["2006", "[Errno 28] ENOSPC", "ERRONEOUS", "load error:1999", ""])
def test_other_words_are_no_error_of_the_kpu(text):
    assert kpu_error(text) is None


@pytest.mark.parametrize(
    "text",
    ["E (1234) SYSCALL: Out of memory", "memory allocation failed, allocating 9 bytes"],
)
def test_a_lack_of_memory_is_seen(text):
    assert out_of_memory(text)
    assert not out_of_memory("fine")


def test_a_lack_of_memory_has_a_remedy_whatever_it_is_called():
    error = ScriptError(FRAME + "ValueError: [MAIXPY]kpu: alloc list mem err!\n", "infer.py")
    assert "heap is too small" in error.remedy
