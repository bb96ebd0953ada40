# The K210's peripherals: the REPL's serial line in full, buses to the parts that the board has,
# and bare bones of the rest.
from _board import ask, call, fetch, parcel, place

HARD_RESET, PWRON_RESET, SOFT_RESET, WDT1_RESET, WDT_RESET = 2, 1, 0, 3, 4


def reset():
    call("machine_reset")


def reset_cause():
    return PWRON_RESET


class UART:
    UART1, UART2, UART3, UARTHS = 0, 1, 2, 4
    PARITY_NONE, PARITY_ODD, PARITY_EVEN = 0, 1, 2
    STOP_1, STOP_1_5, STOP_2 = 0, 1, 2
    _repl = None

    def __init__(self, device, *settings, **more):
        if device != UART.UARTHS:
            raise ValueError("the virtual board has no UART but the REPL's")
        self._baud, self._timeout = 115200, 10

    @staticmethod
    def repl_uart():
        if UART._repl is None:
            UART._repl = UART(UART.UARTHS)
        return UART._repl

    def init(
        self, baudrate=115200, bits=8, parity=None, stop=1, timeout=10, read_buf_len=2048, **_
    ):
        if not 0 < baudrate <= 0x500000:
            raise ValueError("[MAIXPY]UART:invalid baudrate")
        self._baud, self._timeout = baudrate, timeout
        call("line_configure", baudrate, read_buf_len)

    def any(self):
        return call("line_waiting")

    def read(self, count=-1):
        if count < 0:
            count = self.any()
        data = bytearray()
        while len(data) < count:
            piece = parcel(ask("line_read", count - len(data), self._timeout))
            if not piece:
                break
            data += piece
        return bytes(data) if data else None

    def readinto(self, buffer, count=-1):
        data = self.read(len(buffer) if count < 0 else min(count, len(buffer)))
        if data is None:
            return None
        buffer[: len(data)] = data
        return len(data)

    def readline(self):
        data = bytearray()
        while not data.endswith(b"\n"):
            piece = parcel(ask("line_read", 1, self._timeout))
            if not piece:
                break
            data += piece
        return bytes(data) if data else None

    def readchar(self):
        data = self.read(1)
        return data[0] if data else -1

    def write(self, data):
        if isinstance(data, str):
            data = data.encode()
        if data:
            call("line_write", place(data))
        return len(data)

    def deinit(self):
        pass

    def __repr__(self):
        return "[MAIXPY]UART4:( baudrate=%d, bits=8, parity=None, stop=1)" % self._baud


class I2C:
    I2C0, I2C1, I2C2, I2C3, I2C4, I2C5, I2C_SOFT = 0, 1, 2, 3, 4, 5, 3
    MODE_MASTER, MODE_SLAVE = 0, 1

    def __init__(self, device, *settings, **more):
        pass

    init = __init__

    def scan(self):
        return call("i2c_scan")

    def readfrom(self, address, count, stop=True):
        return fetch("i2c_read", address, count)

    def readfrom_into(self, address, buffer, stop=True):
        buffer[:] = self.readfrom(address, len(buffer))

    def writeto(self, address, data, stop=True):
        return call("i2c_write", address, place(bytes(data)))

    def readfrom_mem(self, address, register, count, mem_size=8):
        return fetch("i2c_read_memory", address, register, count)

    def readfrom_mem_into(self, address, register, buffer, mem_size=8):
        buffer[:] = self.readfrom_mem(address, register, len(buffer))

    def writeto_mem(self, address, register, data, mem_size=8):
        data = bytes([data]) if isinstance(data, int) else bytes(data)
        return call("i2c_write_memory", address, register, place(data))

    def deinit(self):
        pass


class SPI:
    SPI0, SPI1, SPI_SOFT = 0, 1, 4
    MODE_MASTER, MODE_MASTER_2, MODE_MASTER_4, MODE_MASTER_8, MODE_SLAVE = 0, 1, 2, 3, 4
    MSB, LSB = 0, 1
    CS0, CS1, CS2, CS3 = 0, 1, 2, 3

    def __init__(self, device, *settings, **more):
        pass

    init = __init__

    def write(self, data, cs=0):
        data = bytes([data]) if isinstance(data, int) else bytes(data)
        call("spi_write", place(data))

    def read(self, count, write=0, cs=0):
        self.write(bytes([write]) * count)
        return bytes(count)

    def deinit(self):
        pass


class Timer:
    TIMER0, TIMER1, TIMER2 = 0, 1, 2
    CHANNEL0, CHANNEL1, CHANNEL2, CHANNEL3 = 0, 1, 2, 3
    MODE_ONE_SHOT, MODE_PERIODIC, MODE_PWM = 0, 1, 2

    def __init__(self, *settings, **more):
        if more.get("mode") != Timer.MODE_PWM:
            raise NotImplementedError("the virtual board's timers only drive PWM")


class PWM:
    def __init__(self, timer, freq=0, duty=0, pin=-1, enable=True):
        self._duty, self._freq = duty, freq

    def duty(self, value=None):
        self._duty = self._duty if value is None else value
        return self._duty

    def freq(self, value=None):
        self._freq = self._freq if value is None else value
        return self._freq

    def enable(self):
        pass

    def disable(self):
        pass

    def deinit(self):
        pass
