"""Numbers in sentences, as people would say them."""

import math

import pytest

from harness.blame import wording
from harness.blame.contract_check import _listed


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (wording.count(1, "weight"), "1 weight"),
        (wording.count(48, "weight"), "48 weights"),
        (wording.among([3], 16, "channel"), "channel 3 of 16 (counted from 0)"),
        (wording.among(range(4), 4, "channel"), "all 4 channels"),
        (wording.among([0], 1, "channel"), "the one channel"),
        (
            wording.among([0, 1, 2, 9], 16, "channel"),
            "4 of 16 channels: 0-2, 9 (counted from 0)",
        ),
        (wording.between(1880, 1881), "byte 1880"),
        (wording.between(1880, 1928), "bytes 1880 to 1927"),
        (wording.value(-0.0), "0"),
        (wording.value(-1.5), "-1.5"),
        (wording.db(None), "∞ dB"),
        (wording.db(-3.25), "-3.2 dB"),
        (wording.db(math.nan), "an unknown ratio"),
        (wording.output_name("output", 1), "the output"),
        (wording.output_name("logits", 2), "output logits"),
        (wording.listed(["a"]), "a"),
        (wording.listed(["a", "b", "c"]), "a, b and c"),
        (_listed([0.2, -1e-9, 0.55]), "(0.2, 0, 0.55)"),
    ],
)
def test_numbers_are_said_as_people_say_them(said, expected):
    assert said == expected
