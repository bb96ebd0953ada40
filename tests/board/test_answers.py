"""Answers of infer.py survive company on the line, and damage is seen."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness.board.answers import DamagedAnswerError, OutputForm, answers, inference

PATH = "/sd/k210-in0.bmp"
FORMS = (OutputForm("f", (1, 5)), OutputForm("B", (1, 2, 2, 2)))
FLOATS = arrays(np.float32, (1, 5), elements=st.floats(width=32, allow_nan=True))
BYTES = arrays(np.uint8, (1, 2, 2, 2))
NOISE = st.sampled_from(["", "[MAIXPY]kpu: log\r\n", "kpu_net __del__\r\n", "E (12) SYSCALL\n"])


def line(text: str) -> str:
    return f"k210:{zlib.crc32(text.encode()):08x}:{text}\r\n"


def printed(floats, data, noise=("",) * 5, piece=2) -> list[str]:
    lines = [line("t 1234")]
    for index, array in enumerate((floats, data)):
        raw, size = array.tobytes(), array.itemsize
        for start in range(0, len(raw), piece * size):
            text = base64.b64encode(raw[start : start + piece * size]).decode()
            lines.append(line(f"o {index} {start} {text}"))
    lines.append(line(f"done {PATH!r}"))
    return [noise[place % len(noise)] + text for place, text in enumerate(lines)]


@given(FLOATS, BYTES, st.lists(NOISE, min_size=1), st.integers(1, 6))
def test_outputs_come_back_to_the_bit(floats, data, noise, piece):
    found = inference("".join(printed(floats, data, noise, piece)), FORMS, PATH)
    assert found.microseconds == 1234
    assert found.outputs[0].tobytes() == floats.tobytes()
    assert found.outputs[1].tobytes() == data.tobytes()
    assert [out.shape for out in found.outputs] == [(1, 5), (1, 2, 2, 2)]


@given(FLOATS, BYTES)
def test_another_input_is_seen(floats, data):
    with pytest.raises(DamagedAnswerError):
        inference("".join(printed(floats, data)), FORMS, "/sd/k210-in1.bmp")


@given(FLOATS, BYTES, st.data())
def test_a_lost_line_is_seen(floats, data, draw):
    lines = printed(floats, data)
    del lines[draw.draw(st.integers(0, len(lines) - 1))]
    with pytest.raises(DamagedAnswerError):
        inference("".join(lines), FORMS, PATH)


@given(FLOATS, BYTES, st.data())
def test_a_changed_byte_is_seen(floats, data, draw):
    text = "".join(printed(floats, data))
    place = draw.draw(st.integers(0, len(text) - 1).filter(lambda at: text[at] not in "\r\n"))
    changed = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
    with pytest.raises(DamagedAnswerError):
        inference(changed, FORMS, PATH)


@given(st.text(st.characters(codec="ascii")))
def test_other_text_is_no_answer(text):
    if "k210:" not in text:
        assert list(answers(text)) == []
