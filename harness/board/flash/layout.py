"""Where things lie on a MaixPy board's flash chip, and what may be written where.

16 MiB: firmware from 0, SPIFFS from 0xD00000, 3 MiB. Source: MaixPy documentation, flash layout.
The firmware on the chip is not asked how long it is: models begin at 0x200000 at the earliest
where no firmware is named, as MaixPy's own examples do.
"""

from __future__ import annotations

from harness.errors import UsageError

FLASH_BYTES = 16 << 20
SPIFFS_AT = 0xD00000
FIRST_MODEL_AT = 0x200000
PAGE_BYTES = 4096
# kflash pads whatever it writes to whole blocks of this size.
BLOCK_BYTES = 16 * PAGE_BYTES
# In front of a firmware kflash puts a flag and the length, behind it a SHA-256.
FIRMWARE_EXTRA = 1 + 4 + 32


def written(size: int, is_firmware: bool = False) -> int:
    """Return how many bytes of the chip change when so many are written."""
    size += FIRMWARE_EXTRA if is_firmware else 0
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES


def check_firmware(size: int) -> None:
    """Refuse a firmware that would reach into the file system.

    Raises:
        UsageError: It is empty, or too long.
    """
    if size <= 0 or written(size, True) > SPIFFS_AT:
        raise UsageError(
            f"a firmware of {size} bytes does not fit below the file system at {SPIFFS_AT:#x}",
            "is it a firmware's .bin?",
        )


def check_model(address: int, size: int, firmware_bytes: int = 0) -> None:
    """Refuse an address at which a model would destroy something.

    Args:
        address: Where it begins.
        size: Of the model.
        firmware_bytes: Of the firmware that is on the chip; 0 where it is not known.

    Raises:
        UsageError: It overlaps firmware or file system, or begins within a page.
    """
    end = address + written(size)
    lowest = written(firmware_bytes, True) if firmware_bytes else FIRST_MODEL_AT
    remedy = f"between {lowest:#x} and {SPIFFS_AT:#x}, such as 0x300000"
    if size <= 0:
        raise UsageError("an empty file is no model", "name a .kmodel")
    if address % PAGE_BYTES:
        raise UsageError(
            f"{address:#x} is in the middle of a flash page",
            f"take a multiple of {PAGE_BYTES:#x}, {remedy}",
        )
    if address < lowest:
        raise UsageError(f"a model at {address:#x} would destroy the firmware", remedy)
    if end > SPIFFS_AT:
        raise UsageError(
            f"a model of {size} bytes at {address:#x} would end at {end:#x}, in the file system "
            f"that begins at {SPIFFS_AT:#x}",
            remedy,
        )
