# Files of the board's file systems, behind `open`.
from _board import ask, call, fetch, place

BLOCK = 512


class File:
    def __init__(self, number, binary):
        self._number, self._binary = number, binary

    def _open(self):
        if self._number is None:
            raise ValueError("I/O operation on closed file")
        return self._number

    def _given(self, data):
        return data if self._binary else str(data, "utf8")

    def read(self, count=-1):
        return self._given(fetch("file_read", self._open(), count))

    def readline(self, limit=-1):
        return self._given(fetch("file_readline", self._open(), limit))

    def readlines(self):
        return list(self)

    def readinto(self, buffer):
        data = fetch("file_read", self._open(), len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data):
        if isinstance(data, str):
            data = data.encode()
        if not data:
            return 0
        return call("file_write", self._open(), place(data))

    def seek(self, offset, whence=0):
        return call("file_seek", self._open(), offset, whence)

    def tell(self):
        return call("file_seek", self._open(), 0, 1)

    def flush(self):
        call("file_flush", self._open())

    def close(self):
        if self._number is not None:
            ask("file_close", self._number)
            self._number = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __iter__(self):
        return self

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line


def open(path, mode="r", *_, **__):
    return File(call("file_open", path, mode), "b" in mode)
