from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.9931234512, "0.9931"),
        (1.0, "1.0000"),
        (0.99996, "0.99996"),
        (0.9999999999, "> 0.9999999"),
        (0.0, "0.0000"),
        (-0.25, "−0.2500"),
        (math.nan, "not a number"),
    ],
)
def test_share(value: float, text: str) -> None:
    assert numbers.share(value) == text


@given(st.floats(0, 1, exclude_max=True))
def test_a_share_below_one_is_never_written_as_one(value: float) -> None:
    text = numbers.share(value)
    assert text.startswith("> ") or float(text) < 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (12.34567, "12.35"),
        (9.99999, "10.00"),
        (1234.4, "1234"),
        (123456.7, "123457"),
        (0.00123456, "0.001235"),
        (1.2346e-6, "1.235 × 10⁻⁶"),
        (-4.5e9, "−4.500 × 10⁹"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (1.7976e308, "1.798 × 10³⁰⁸"),
        (5e-324, "4.941 × 10⁻³²⁴"),
    ],
)
def test_significant(value: float, text: str) -> None:
    assert numbers.significant(value) == text


@given(st.floats(1e-4, 1e6))
def test_significant_digits_are_true_to_the_value(value: float) -> None:
    assert float(numbers.significant(value)) == pytest.approx(value, rel=6e-4)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_every_float_can_be_written(value: float) -> None:
    assert numbers.significant(value)
    assert numbers.share(value)


def test_units() -> None:
    assert numbers.milliseconds(41.234) == "41.2 ms"
    assert numbers.decibels(25.93) == "25.9 dB"
    assert numbers.decibels(None) == "∞ (equal)"
    assert numbers.decibels(-math.inf) == "−∞"
    assert numbers.file_size(999) == "999 B"
    assert numbers.file_size(123_456) == "123.5 kB"
    assert numbers.file_size(2_500_000) == "2.5 MB"


def test_the_name_of_a_metric_decides_its_form() -> None:
    assert numbers.metric(0.5, "accuracy") == "0.5000"
    assert numbers.metric(0.5, "rmse") == "0.5000"
    assert numbers.metric(None, "top1_agreement") == "—"
    assert numbers.metric(None, "snr_db") == "∞ (equal)"
