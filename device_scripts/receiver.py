# Takes files from the harness and gives them, in frames that survive a line that loses bytes.
# MaixPy and CanMV, MicroPython 1.11.
#
# The harness sends this text to the REPL without its comments, after `_k210c` (CRC32) and `_k210`
# (an answer: a line with a checksum), and then calls `_k210receive` or `_k210give` through
# `_k210if`, with a CRC32 of the call: one that the line has garbled could name another file.
#
# A frame is a line: "R" and escaped bytes, or "B" and base64. In it: CRC32 of the rest, offset,
# count of bytes (u32, u32, u16), a letter for the kind, and data: "s" bytes as they are, "z" raw
# deflate, "p" a trial, "g" a wish for the count of blocks in the data, "e" the end. Lengths are
# never believed: a frame is taken when its CRC32 is right and what comes out of it has the count.
#
# The receiver says after every line what it has: "a", the number (offset) of the last trial that
# came, how far it has the file, and which blocks behind a gap. So a trial asks what has arrived.
# ruff: noqa: F821  `_k210c` and `_k210` are there
import gc
import time

import ubinascii
import ustruct

# What a line must not carry: Ctrl-C, Ctrl-D, the ends of lines, and the escape itself, last.
_K210ESCAPES = (
    (b"\x03", b"\x10c"),
    (b"\x04", b"\x10d"),
    (b"\n", b"\x10n"),
    (b"\r", b"\x10r"),
)
# Longest line; a longer one is noise.
_K210LINE = 6000
# A harness that says nothing for this long has gone.
_K210SILENCE = 3000
_K210TRIAL = 1000
_K210HELD = 64


class _K210Line:
    # The REPL's own UART, at 115200 baud or faster.
    def __init__(self):
        from machine import UART

        self.uart = UART.repl_uart()
        self.rest = b""
        self.raised = False

    def speed(self, baud, ring):
        # What has been written is to be gone, and the other end is to follow.
        time.sleep_ms(30)
        self.uart.init(baud, 8, None, 1, read_buf_len=ring)

    def rise(self, baud, ring):
        _k210("b %d" % baud)
        self.raised = True
        self.speed(baud, ring)
        frame = self.frame(_K210TRIAL)
        while frame is not None and (not frame or frame[0] != 112):
            frame = self.frame(_K210TRIAL)
        if frame:
            _k210("p")
        return bool(frame)

    def lower(self):
        if self.raised:
            _k210("d")
            self.speed(115200, 2048)
            time.sleep_ms(60)

    def line(self, patience):
        # The next line; None after `patience` milliseconds without its end.
        since = time.ticks_ms()
        searched = 0
        while True:
            end = self.rest.find(b"\n", searched)
            if end >= 0:
                line = self.rest[:end]
                self.rest = self.rest[end + 1 :]
                return line
            searched = len(self.rest)
            if searched > _K210LINE:
                self.rest = b""
                searched = 0
            data = self.uart.read(self.uart.any() or 1)
            if data:
                self.rest += data
            elif time.ticks_diff(time.ticks_ms(), since) > patience:
                return None

    def frame(self, patience):
        # Kind, offset and data of the next frame; False where it is damaged; None for silence.
        line = self.line(patience)
        if line is None:
            return None
        try:
            return _k210opened(line)
        except ValueError:
            return False

    def give(self, offset, data, raw):
        body = ustruct.pack("<IHB", offset, len(data), 115) + data
        body = ustruct.pack("<I", _k210c(body) & 0xFFFFFFFF) + body
        if raw:
            body = body.replace(b"\x10", b"\x10e")
            for plain, escaped in _K210ESCAPES:
                body = body.replace(plain, escaped)
            self.uart.write(b"R" + body + b"\n")
        else:
            print("B" + ubinascii.b2a_base64(body).decode().strip())


def _k210opened(line):
    if line[:1] == b"R":
        body = line[1:]
        for plain, escaped in _K210ESCAPES:
            body = body.replace(escaped, plain)
        body = body.replace(b"\x10e", b"\x10")
    elif line[:1] == b"B":
        body = ubinascii.a2b_base64(line[1:])
    else:
        return False
    if len(body) < 11:
        return False
    crc, offset, count, kind = ustruct.unpack("<IIHB", body[:11])
    if _k210c(body[4:]) & 0xFFFFFFFF != crc:
        return False
    data = body[11:]
    if kind == 122:
        import uzlib

        data = uzlib.decompress(data, -12)
    return (kind, offset, bytes(data)) if len(data) == count else False


def _k210receive(path, mode, start, total, baud=0, ring=2048):
    line = _K210Line()
    try:
        if baud and not line.rise(baud, ring):
            return
        with open(path, mode) as file:
            file.seek(start)
            _k210store(line, file, start, total)
    finally:
        line.lower()
        gc.collect()


def _k210store(line, file, at, total):
    held = {}
    trial = 0
    while True:
        _k210("a %d %d %s" % (trial, at, " ".join([str(offset) for offset in held])))
        if at >= total:
            return
        frame = line.frame(_K210SILENCE)
        if frame is None:
            return
        if frame and frame[0] == 112:
            trial = frame[1]
            _k210("p")
        elif frame:
            _, offset, data = frame
            if at <= offset and data and offset + len(data) <= total and len(held) < _K210HELD:
                held[offset] = data
        before = at
        while at in held:
            data = held.pop(at)
            if file.write(data) != len(data):
                raise OSError(28)
            at += len(data)
        if at > before:
            file.flush()


def _k210give(path, block, baud=0, ring=2048):
    line = _K210Line()
    raw = False
    try:
        if baud and not line.rise(baud, ring):
            return
        with open(path, "rb") as file:
            _k210("g")
            while True:
                frame = line.frame(_K210SILENCE)
                if frame is None or (frame and frame[0] == 101):
                    return
                if frame and frame[0] == 112:
                    raw = True
                    _k210("p")
                elif frame and frame[0] == 103:
                    _k210blocks(line, file, frame[1], ustruct.unpack("<H", frame[2])[0], block, raw)
    finally:
        line.lower()
        gc.collect()


def _k210blocks(line, file, offset, count, block, raw):
    file.seek(offset)
    for _ in range(count):
        data = file.read(block)
        if not data:
            return
        line.give(offset, data, raw)
        offset += len(data)
