"""The framing of the raw REPL: any chunking, log lines anywhere, and a firmware's own answers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.board.raw_repl import END, Reply

LOGS = (
    b"[MAIXPY] Pll0:freq:832000000\r\n",
    b"[MAIXPY]kpu: img w=100,h=100, but model w=320,h=240\r\r\n",
    b"[MaixPy]: soft reboot\r\n",
    b"\x1b[0;31mE (123) SYSCALL: Out of memory\x1b[0m\r\n",
    b"[MAIXPY] OK, SD card > 1\r\n",
)
TRACEBACK = (
    b'Traceback (most recent call last):\r\n  File "<stdin>", line 1, in <module>\r\nValueError: '
)

# What a program prints: lines of anything that is neither the frame's own bytes nor a log line.
printed = st.binary(max_size=60).map(lambda data: data.replace(END, b".").replace(b"[MA", b"[ma"))
# MaixPy 0.4 prints what lies behind a pointer where a KPU error's text should be.
garbage = st.binary(max_size=20).filter(
    lambda data: END + b">" not in data and END not in data[-1:]
)
errors = st.one_of(st.just(b""), garbage.map(lambda data: TRACEBACK + data + b"\r\n"))
logs = st.lists(st.sampled_from(LOGS), max_size=2).map(b"".join)


def chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


def read(pieces: list[bytes], **options) -> tuple[Reply, bytes]:
    reply = Reply(**options)
    return reply, b"".join([reply.feed(piece) for piece in pieces])


@given(printed, errors, logs, logs, logs, st.lists(st.integers(0, 10_000), max_size=12))
def test_a_reply_is_the_same_however_it_is_cut_and_whatever_is_logged_around_it(
    text, error, before, between, after, cuts
):
    frame = before + b"OK" + text + END + between + error + END + after + b">"
    reply, shown = read(chunks(frame, cuts))
    assert reply.done
    assert (reply.printed, shown) == (text, text)
    assert reply.error == error
    assert not reply.excess
    for line in (before, between, after):
        assert line in reply.noise


@given(st.binary(max_size=30).filter(lambda data: b"OK" not in data + b"O" and END not in data))
def test_noise_in_front_is_passed_over(noise):
    if b"O" in noise[-1:]:
        noise += b"."
    reply, _ = read([noise, b"OKhi\r\n\x04", b"\x04>"])
    assert (reply.done, reply.printed, reply.error) == (True, b"hi\r\n", b"")


@given(printed, st.lists(st.integers(0, 10_000), max_size=5))
def test_after_a_raw_paste_byte_4_stands_for_ok(text, cuts):
    frame = b"\x01\x04" + text + b"\x04\x04>"
    reply, shown = read(chunks(frame, cuts), acknowledgement=END)
    assert (reply.done, reply.printed, shown) == (True, text, text)


@given(st.lists(printed, min_size=2, max_size=4), st.lists(st.integers(0, 10_000), max_size=5))
def test_a_program_may_print_byte_4_in_lines(parts, cuts):
    text = END.join(part + b"\r\n" for part in parts)
    text = text.replace(END + b">", END)
    reply, shown = read(chunks(b"OK" + text + END + END + b">", cuts))
    assert (reply.printed, shown, reply.error) == (text, text, b"")


@given(printed, errors, st.integers(1, 200))
def test_a_reply_is_not_done_before_its_last_byte(text, error, missing):
    frame = b"OK" + text + END + error + END + b">"
    reply, _ = read([frame[: max(0, len(frame) - missing)]])
    assert not reply.done


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_bytes_are_taken(pieces):
    read(pieces)


def test_log_lines_in_front_do_not_hide_an_unfinished_one():
    reply, _ = read([b"[MAIXPY] no line end OKhi\r\n\x04\x04>"])
    assert (reply.done, reply.printed) == (True, b"hi\r\n")


def test_what_comes_behind_the_prompt_is_kept_apart():
    reply, _ = read([b"OK\x04\x04>late", b"r"])
    assert (reply.done, reply.excess) == (True, b"later")


@pytest.mark.parametrize(
    ("label", "text", "error"),
    [
        ("raw print", b"hi\r\n", b""),
        ("raw error", b"", b"ZeroDivisionError: divide by zero\r\n"),
        ("kpu missing file", b"", b"\r\n"),
        ("kpu forward wrong size", b"", b"check img format err!\r\r\n\r\n"),
        ("kpu netinfo", b"24\r\n", b""),
        (
            "heap exhaustion",
            b"",
            b"MemoryError: memory allocation failed, allocating 3000000 bytes\r\n",
        ),
    ],
)
def test_what_a_real_firmware_sent(shared, label, text, error):
    lines = (shared / "golden/maixpy_0.4.0_m5stickv.jsonl").read_text().splitlines()
    (record,) = (one for one in map(json.loads, lines) if one["label"] == label)
    data = record["received"].encode("latin-1")
    reply, _ = read([data[index : index + 1] for index in range(len(data))])
    assert reply.done
    assert not reply.excess
    assert reply.printed.endswith(text)
    assert reply.error.endswith(error)
    assert bool(reply.error) == bool(error)
