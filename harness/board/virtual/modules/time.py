# Time by the board's clock, which leaves out what the host needed beyond a K210's time.
from _board import ask, call, real_time

ticks_diff = real_time.ticks_diff
ticks_add = real_time.ticks_add


def ticks_ms():
    return ask("ticks_ms")["v"]


def ticks_us():
    return ask("ticks_us")["v"]


def ticks_cpu():
    return ticks_us()


def sleep(seconds):
    sleep_ms(seconds * 1000)


def sleep_ms(milliseconds):
    call("sleep", milliseconds)


def sleep_us(microseconds):
    call("sleep", microseconds / 1000)


def time():
    return call("time")


def localtime(seconds=None):
    return tuple(call("localtime", seconds))


def mktime(moment):
    return call("mktime", list(moment))


def set_time(moment):
    return False


class clock:
    def __init__(self):
        self.reset()

    def reset(self):
        self._started = ticks_ms()
        self._last = self._started
        self._frames = 0

    def tick(self):
        self._last = ticks_ms()
        self._frames += 1

    def _taken(self):
        return max(1, ticks_diff(ticks_ms(), self._started))

    def fps(self):
        return self._frames * 1000 / self._taken()

    def avg(self):
        return self._taken() / max(1, self._frames)
