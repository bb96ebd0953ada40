# Tries what the harness needs of a board, a line each: "ok", "FAIL" or "none" and what was found.
# MaixPy and CanMV, MicroPython 1.11.
import gc
import os
import sys

NEEDED = ("ubinascii", "ustruct", "uhashlib", "ujson", "machine", "time")
USEFUL = ("uzlib", "sensor", "image", "lcd", "Maix")
PATTERN = bytes(range(256)) * 8


class Missing(Exception):
    pass


def module(name):
    try:
        return __import__(name)
    except ImportError:
        raise Missing("no module " + name)


def memory():
    gc.collect()
    return "%d bytes of heap free" % gc.mem_free()


def modules():
    missing = []
    for name in NEEDED + USEFUL:
        try:
            module(name)
        except Missing:
            missing.append(name)
    if any(name in NEEDED for name in missing):
        raise OSError("without " + ", ".join(missing))
    return "all there" if not missing else "without " + ", ".join(missing)


def checksum():
    found = module("ubinascii").crc32(b"123456789") & 0xFFFFFFFF
    if found != 0xCBF43926:
        raise OSError("CRC32 of 123456789 is %08x" % found)
    return "CRC32 is right"


def kpu_api():
    try:
        kpu = module("KPU")
        return "KPU of MaixPy, kmodel v4 " + ("too" if hasattr(kpu, "set_outputs") else "not")
    except Missing:
        if not hasattr(module("maix"), "KPU"):
            raise Missing("neither KPU nor maix.KPU")
        return "maix.KPU of CanMV"


def files(root):
    if root[1:] not in os.listdir("/"):
        raise Missing("not mounted")
    path = root + "/k210self.tmp"
    try:
        with open(path, "wb") as file:
            file.write(PATTERN)
        with open(path, "rb") as file:
            if file.read() != PATTERN:
                raise OSError("what was written came back changed")
    finally:
        os.remove(path)
    size = os.statvfs(root)
    return "writes and reads, %d KB free" % (size[0] * size[3] // 1024)


def camera():
    sensor = module("sensor")
    sensor.reset()
    sensor.set_pixformat(sensor.RGB565)
    sensor.set_framesize(sensor.QVGA)
    sensor.run(1)
    picture = sensor.snapshot()
    return "%d x %d pixels" % (picture.width(), picture.height())


CHECKS = (
    ("memory", memory),
    ("modules", modules),
    ("checksum", checksum),
    ("kpu", kpu_api),
    ("flash", lambda: files("/flash")),
    ("sd", lambda: files("/sd")),
    ("camera", camera),
)


def main():
    print("selftest on", sys.platform)
    failures = 0
    for name, check in CHECKS:
        try:
            word, text = "ok", check()
        except Missing as error:
            word, text = "none", error
        except Exception as error:
            word, text = "FAIL", repr(error)
            failures += 1
        print("%-4s %s: %s" % (word, name, text))
    print("selftest done,", failures, "failures")


main()
