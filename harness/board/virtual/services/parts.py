"""What hangs on the K210's pins: buttons, the motion sensor on I2C, whatever listens to SPI."""

from __future__ import annotations

import errno
import struct
from pathlib import Path

from harness.board.virtual.faults import os_fault

MOTION, POWER = 0x68, 0x34
# TDK InvenSense, MPU-6886 data sheet: register numbers, reset values and scales.
WHO_AM_I, WHO = 0x75, 0x19
ACCEL_CONFIG, POWER_1 = 0x1C, 0x6B
ACCEL, TEMPERATURE, GYRO = 0x3B, 0x41, 0x43
RESET, ASLEEP = 0x80, 0x41
GRAVITY = (0.0, 0.0, 1.0)
BUTTONS = {"A": 36, "B": 37}
FIRST_GPIO_FUNCTION = 24


class Parts:
    """Pins and buses.

    Args:
        spi: File that takes what is sent over SPI.
    """

    def __init__(self, spi: Path | None) -> None:
        self._spi = spi
        self._functions: dict[int, int] = {}
        self._pressed: set[int] = set()
        self._motion = bytearray(128)
        self._pointer = {MOTION: 0, POWER: 0}
        self._power = bytearray(256)
        self._reset_motion()

    def button_set(self, name: str, down: bool) -> None:
        """Press or release a button."""
        pin = BUTTONS[name]
        self._pressed = self._pressed | {pin} if down else self._pressed - {pin}

    def pin_function(self, pin: int, function: int) -> None:
        """Give a pin a function."""
        self._functions[function] = pin

    def pin_of(self, function: int) -> int | None:
        """Return which pin has a function."""
        return self._functions.get(function)

    def gpio_read(self, gpio: int) -> int:
        """Return a pin's level; a pressed button is low."""
        pin = self._functions.get(FIRST_GPIO_FUNCTION + gpio)
        return 0 if pin in self._pressed else 1

    def spi_write(self, data: bytes) -> None:
        """Send bytes over SPI."""
        if self._spi:
            with self._spi.open("ab") as file:
                file.write(data)

    def i2c_scan(self) -> list[int]:
        """Return the addresses that answer."""
        return sorted(self._pointer)

    def i2c_write(self, address: int, data: bytes) -> int:
        """Write: the first byte is a register, the rest goes into it and the next ones."""
        self._known(address)
        self._pointer[address] = data[0]
        if data[1:]:
            self.i2c_write_memory(address, data[0], data[1:])
        return len(data)

    def i2c_read(self, address: int, count: int) -> bytes:
        """Read on from the register that was written last."""
        self._known(address)
        return self.i2c_read_memory(address, self._pointer[address], count)

    def i2c_read_memory(self, address: int, register: int, count: int) -> bytes:
        """Read registers."""
        self._known(address)
        if address == MOTION:
            self._measure()
        found = self._motion if address == MOTION else self._power
        return bytes(found[register : register + count]).ljust(count, b"\0")

    def i2c_write_memory(self, address: int, register: int, data: bytes) -> int:
        """Write registers."""
        self._known(address)
        found = self._motion if address == MOTION else self._power
        found[register : register + len(data)] = data
        if address == MOTION and register == POWER_1 and data[0] & RESET:
            self._reset_motion()
        return len(data)

    def _known(self, address: int) -> None:
        if address not in self._pointer:
            raise os_fault(errno.EIO)

    def _reset_motion(self) -> None:
        self._motion[:] = bytes(128)
        self._motion[WHO_AM_I], self._motion[POWER_1] = WHO, ASLEEP

    def _measure(self) -> None:
        """The board lies still on a table: one g upwards, no turning."""
        if self._motion[POWER_1] & 0x40:
            return
        scale = 32768 / (2 << (self._motion[ACCEL_CONFIG] >> 3 & 3))
        values = [min(32767, round(axis * scale)) for axis in GRAVITY]
        struct.pack_into(">3h", self._motion, ACCEL, *values)
        struct.pack_into(">3h", self._motion, GYRO, 0, 0, 0)
