"""A K210's boot ROM, and the flash program that it starts, as far as kflash.py shows them.

Packets stand between 0xC0, with 0xDB 0xDC for 0xC0 and 0xDB 0xDD for 0xDB. A request is operation
(u16), 0 (u16), CRC32 of the rest (u32), address, length (u32), data; an answer is operation and
result. No K210 was at hand: what is not in kflash.py is not known here either.
"""

from __future__ import annotations

import struct
import zlib

NOP, MEMORY_WRITE, BOOT, ROM_BAUD = 0xC2, 0xC3, 0xC5, 0xC6
STUB_NOP, FLASH_WRITE, REBOOT, STUB_BAUD, FLASH_INIT = 0xD2, 0xD4, 0xD5, 0xD6, 0xD7
OK, BAD_CHECKSUM, BAD_COMMAND = 0xE0, 0xE2, 0xE3
END, ESCAPE = b"\xc0", 0xDB
SILENT_OPERATIONS = (BOOT, STUB_BAUD, ROM_BAUD)


class BootRom:
    """The far end of a line.

    Args:
        spoil: Operation whose second request is found to have a wrong checksum; None for none.
        dies_after: Number of requests after which it is silent.
    """

    def __init__(self, spoil=None, dies_after=None) -> None:
        self.memory: dict[int, int] = {}
        self.flash: dict[int, bytes] = {}
        self.operations: list[int] = []
        self.booted_at: int | None = None
        self.chip: int | None = None
        self._spoil, self._dies_after = spoil, dies_after
        self._packet: bytearray | None = None
        self._escaped = False

    def __call__(self, data: bytes) -> bytes:
        return b"".join(self._byte(byte) for byte in data)

    def _byte(self, byte: int) -> bytes:
        if byte == END[0]:
            packet, self._packet = self._packet, bytearray()
            if not packet:
                return b""
            self._packet = None
            return self._answer(bytes(packet))
        if self._packet is None:
            return b""
        if self._escaped:
            self._escaped = False
            self._packet.append({0xDC: 0xC0, 0xDD: 0xDB}[byte])
        elif byte == ESCAPE:
            self._escaped = True
        else:
            self._packet.append(byte)
        return b""

    def _answer(self, packet: bytes) -> bytes:
        operation, _, checksum = struct.unpack_from("<HHI", packet)
        self.operations.append(operation)
        if self._dies_after is not None and len(self.operations) > self._dies_after:
            return b""
        result = self._do(operation, checksum, packet[8:])
        if operation in SILENT_OPERATIONS:
            return b""
        return END + bytes((operation, result)) + END

    def _do(self, operation: int, checksum: int, rest: bytes) -> int:
        if operation in (NOP, STUB_NOP, REBOOT):
            return OK
        if zlib.crc32(rest) != checksum:
            return BAD_CHECKSUM
        if operation == self._spoil and self.operations.count(operation) == 2:
            return BAD_CHECKSUM
        address, length = struct.unpack_from("<2I", rest)
        data = rest[8:]
        if operation == MEMORY_WRITE and self.booted_at is None:
            assert len(data) == length
            self.memory[address] = length
        elif operation == BOOT:
            self.booted_at = address
        elif operation == FLASH_INIT and self.booted_at is not None:
            self.chip = address
        elif operation == FLASH_WRITE and self.chip is not None:
            assert len(data) == length
            self.flash[address] = data
        elif operation not in SILENT_OPERATIONS:
            return BAD_COMMAND
        return OK

    def image(self, start: int, size: int) -> bytes:
        """Return bytes of the flash chip; what was not written is 0xFF."""
        found = bytearray(b"\xff" * size)
        for address, data in self.flash.items():
            for offset in range(max(0, start - address), min(len(data), start + size - address)):
                found[address + offset - start] = data[offset]
        return bytes(found)
