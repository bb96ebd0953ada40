"""Profile m5stickv-0.4.0 against what that firmware answered to 35 inputs, byte for byte.

The record was made under emulation of the chip. What is masked stands in MASKS, each with the
reason; everything else has to be the same.
"""

from __future__ import annotations

import json
import re

import pytest

from harness.board.virtual import start
from tests.kmodel.v3_files import V3File, registers

from .client import Client

# Of the firmware's own start script, only what it prints is copied: it plays a sound.
BOOT = """for line in (
    'result = 0', 'numchannels = 1', 'samplerate = 44100', 'byterate = 88200', 'blockalign = 2',
    'bitspersample = 16', 'datasize = 158760'
):
    print('[MAIXPY]:', line)
del line
"""
LISTS = "which names a module has; those of this board are fewer and more"
GARBAGE = r"(?<=ValueError: ).*(?=\r\n\x04>$)"
MODELS = "sizes of a model; the record's is Sipeed's, this one is of this project"
MASKS = {
    "gc": (r"\d+ \d+", "bytes of the heap that are free and taken"),
    "modules": (r"(?<=OK).*(?=Plus any)", LISTS),
    "image dir": (r"\[.*\]", LISTS),
    "sensor dir": (r"\[.*\]", LISTS),
    "kbd_intr": (r"\[.*\]", LISTS),
    "kpu missing file": (GARBAGE, "garbage: memory that the firmware prints by mistake"),
    "kpu bad file": (GARBAGE, "garbage: memory that the firmware prints by mistake"),
    "kpu load flash": (r'(?<="model_size": )\d+', MODELS),
    "kpu netinfo": (r"\d+(?= bytes)", MODELS),
}


def layer(index: int):
    """The record's first layer, and 22 that fit behind it."""
    rows = {"source_row": 0, "destination_row": 16384}
    if index % 2:
        rows = {"source_row": 16384, "destination_row": 0}
    if index == 0:
        sizes = {"in_width": 320, "in_height": 240, "out_width": 160, "out_height": 120}
        kinds = {"in_channels": 3, "out_channels": 16, "kernel_type": 1, "pool_type": 1}
        return registers(**rows, **sizes, **kinds, load_bytes=432)
    sizes = {"in_width": 160, "in_height": 120, "out_width": 160, "out_height": 120}
    return registers(**rows, **sizes, in_channels=16, out_channels=16)


def model() -> bytes:
    """A v3 file of 23 convolutions and a dequantization, as in the record; written here."""
    count = 16 * 120 * 160
    file = V3File(main=5 * count, outputs=((count, 4 * count),))
    for index in range(23):
        file.conv(layer(index), main=0 if index == 22 else None)
    return file.layer(12, 0, count, count, 0.5, 1.0).build()


@pytest.fixture(scope="module")
def answers(micropython, shared):
    """What record and virtual board say, by label."""
    lines = (shared / "golden" / "maixpy_0.4.0_m5stickv.jsonl").read_text().splitlines()
    record = [json.loads(line) for line in lines]
    files = {
        "/flash/ding.wav": b"-",
        "/flash/startup.jpg": b"-",
        "/flash/freq.conf": b"-",
        "/flash/boot.py": BOOT,
        "/image/0x300000": model(),
    }
    found = {}
    with start("m5stickv-0.4.0", files, card=False) as board, Client(board.port) as client:
        for entry in record:
            client.send(entry["sent"].encode("latin-1"))
            end = entry["received"][-1:].encode("latin-1")
            got = client.until(end) if entry["label"] != "kpu netinfo" else b""
            while not got.endswith(end) or len(got) < len(entry["received"]) // 2:
                got += client.until(end)
            found[entry["label"]] = entry["received"], (got + client.quiet(0.4)).decode("latin-1")
    return found


def masked(label: str, text: str) -> str:
    if label not in MASKS:
        return text
    return re.sub(MASKS[label][0], "<masked>", text, flags=re.DOTALL)


def test_all_35_inputs_are_answered_alike(answers):
    assert len(answers) == 35
    assert set(MASKS) <= set(answers)
    for label, (expected, got) in answers.items():
        assert masked(label, got) == masked(label, expected), label


def test_every_mask_is_needed(answers):
    same = {label for label, (expected, got) in answers.items() if expected == got}
    assert not same & set(MASKS)
    assert len(same) == 26
