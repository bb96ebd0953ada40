"""What may be written where."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from harness.board.flash.layout import (
    BLOCK_BYTES,
    FIRST_MODEL_AT,
    FLASH_BYTES,
    PAGE_BYTES,
    SPIFFS_AT,
    check_firmware,
    check_model,
    written,
)
from harness.errors import UsageError


def allowed(address, size, firmware_bytes):
    try:
        check_model(address, size, firmware_bytes)
    except UsageError:
        return False
    return True


@given(
    st.integers(0, FLASH_BYTES // PAGE_BYTES),
    st.integers(1, 6 << 20),
    st.one_of(st.just(0), st.integers(1, 4 << 20)),
)
def test_what_is_allowed_touches_neither_firmware_nor_files(page, size, firmware_bytes):
    address = page * PAGE_BYTES
    changed = range(address, address + -(-size // BLOCK_BYTES) * BLOCK_BYTES)
    firmware = range(written(firmware_bytes, True) if firmware_bytes else FIRST_MODEL_AT)
    safe = changed.start >= firmware.stop and changed.stop <= SPIFFS_AT
    assert allowed(address, size, firmware_bytes) == safe


@given(st.integers(0, FLASH_BYTES), st.integers(1, 6 << 20))
def test_no_model_begins_within_a_page(address, size):
    if allowed(address, size, 0):
        assert address % PAGE_BYTES == 0


@pytest.mark.parametrize(
    ("address", "size", "said"),
    [
        (0x0, 1000, "would destroy the firmware"),
        (0x1FF000, 1000, "would destroy the firmware"),
        (0x300001, 1000, "in the middle"),
        (0xD00000, 1000, "in the file system"),
        (0xCF0000, 70000, "in the file system"),
        (0x300000, 0, "no model"),
    ],
)
def test_what_is_refused_says_why(address, size, said):
    with pytest.raises(UsageError, match=said):
        check_model(address, size)


def test_a_firmware_ends_below_the_file_system():
    check_firmware(SPIFFS_AT - BLOCK_BYTES)
    for size in (0, SPIFFS_AT, SPIFFS_AT - 36):
        with pytest.raises(UsageError):
            check_firmware(size)
