# The engine's module, and the CRC32 that MaixPy has and the engine lacks.
from _board import call, place, real

_real = real("ubinascii")
a2b_base64 = _real.a2b_base64
b2a_base64 = _real.b2a_base64
hexlify = _real.hexlify
unhexlify = _real.unhexlify


def crc32(data, value=0):
    if isinstance(data, str):
        data = data.encode()
    if not len(data):
        return value
    return call("crc32", place(data), value)
