# sys.stdin, sys.stdout and what sys says about the firmware.
from collections import namedtuple

from _board import ask, call, parcel, place


def line_read(count, wait_ms):
    return bytes(parcel(ask("line_read", count, wait_ms)))


class Terminal:
    def __init__(self, binary):
        self._binary = binary
        if not binary:
            self.buffer = Terminal(True)

    def _given(self, data):
        return data if self._binary else str(data, "utf8")

    def read(self, count=-1):
        data = b""
        while count < 0 or len(data) < count:
            data += line_read(1 if count < 0 else count - len(data), -1)
        return self._given(data)

    def readinto(self, buffer):
        data = line_read(len(buffer), -1)
        buffer[: len(data)] = data
        return len(data)

    def readline(self):
        data = b""
        while not data.endswith(b"\n"):
            data += line_read(1, -1)
        return self._given(data)

    def write(self, data):
        if isinstance(data, str):
            print(data, end="")
        else:
            call("line_write", place(data))
        return len(data)

    def close(self):
        pass


def attributes():
    told = call("implementation")
    implementation = namedtuple("", ("name", "version"))
    return {
        "stdin": Terminal(False),
        "stdout": Terminal(False),
        "stderr": Terminal(False),
        "platform": told["platform"],
        "implementation": implementation("micropython", tuple(told["version"])),
    }
