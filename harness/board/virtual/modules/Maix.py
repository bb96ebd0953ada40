# Pins, clocks and memory of the K210.
import gc

from _board import call


class GPIO:
    IN, OUT = 0, 1
    PULL_NONE, PULL_UP, PULL_DOWN = 0, 2, 1
    IRQ_RISING, IRQ_FALLING, IRQ_BOTH = 1, 2, 3

    def __init__(self, gpio, mode, pull=0, value=1):
        self._gpio, self._mode, self._value = gpio, mode, value

    def value(self, level=None):
        if level is None:
            return self._value if self._mode == GPIO.OUT else call("gpio_read", self._gpio)
        self._value = level
        return None

    def irq(self, *_, **__):
        raise NotImplementedError("the virtual board's pins do not interrupt")


class FPIOA:
    def set_function(self, pin, function):
        call("pin_function", pin, function)

    def get_Pin_num(self, function):
        return call("pin_of", function)

    def help(self, *_):
        pass


for _number in range(32):
    setattr(GPIO, "GPIOHS%d" % _number, _number)
    setattr(FPIOA, "GPIOHS%d" % _number, 24 + _number)
for _number in range(8):
    setattr(GPIO, "GPIO%d" % _number, 32 + _number)
    setattr(FPIOA, "GPIO%d" % _number, 56 + _number)
FPIOA.RESV0 = 120


class utils:
    @staticmethod
    def gc_heap_size(size=None):
        return 512 * 1024

    @staticmethod
    def heap_free():
        return call("kpu_free")

    @staticmethod
    def flash_read(address, count):
        from _board import fetch

        return fetch("flash_read", address, count)


class freq:
    @staticmethod
    def get():
        return call("frequencies")

    @staticmethod
    def get_cpu():
        return call("frequencies")[0]

    @staticmethod
    def get_kpu():
        return call("frequencies")[1]

    @staticmethod
    def set(**_):
        call("machine_reset")


class config:
    @staticmethod
    def get_value(name, default=None):
        return default
