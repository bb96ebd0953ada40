# Prints acceleration and turning rate of the M5StickV's MPU6886. MaixPy, MicroPython 1.11.
#
# Registers and scales: TDK InvenSense, MPU-6886 data sheet, sections 9 and 3. Boards of the first
# series carry an SH200Q instead, which this script only names.
import math
import time

import ustruct
from board import board_info
from machine import I2C

ADDRESS, OTHER_ADDRESS = 0x68, 0x6C
WHO_AM_I, MPU6886 = 0x75, 0x19
POWER, RESET, WAKE = 0x6B, 0x80, 0x01
GYRO_CONFIG, DEGREES_2000 = 0x1B, 0x18
ACCEL_CONFIG, G_8 = 0x1C, 0x10
ACCEL, GYRO = 0x3B, 0x43
METRES = 8 * 9.80665 / 32768
RADIANS = 2000 * math.pi / 180 / 32768

# Lines until the end (0: for ever), and milliseconds from line to line.
LINES = 0
PERIOD_MS = 100


def bus():
    return I2C(I2C.I2C0, freq=100000, scl=board_info.MPU_SCL, sda=board_info.MPU_SDA)


def check(i2c):
    found = i2c.scan()
    if ADDRESS not in found:
        other = ": this board has an SH200Q" if OTHER_ADDRESS in found else ""
        raise OSError("no MPU6886 on the bus%s (addresses: %s)" % (other, found))
    (name,) = i2c.readfrom_mem(ADDRESS, WHO_AM_I, 1)
    if name != MPU6886:
        raise OSError("the chip says it is 0x%02x, not an MPU6886" % name)


def start(i2c):
    i2c.writeto_mem(ADDRESS, POWER, bytes([RESET]))
    time.sleep_ms(10)
    for register, value in (
        (POWER, WAKE),
        (GYRO_CONFIG, DEGREES_2000),
        (ACCEL_CONFIG, G_8),
    ):
        i2c.writeto_mem(ADDRESS, register, bytes([value]))
        time.sleep_ms(1)


def read(i2c, register, scale):
    values = ustruct.unpack(">3h", i2c.readfrom_mem(ADDRESS, register, 6))
    return tuple(value * scale for value in values)


def main():
    i2c = bus()
    check(i2c)
    start(i2c)
    lines = 0
    while not LINES or lines < LINES:
        acceleration, turning = read(i2c, ACCEL, METRES), read(i2c, GYRO, RADIANS)
        print("m/s2 %.2f %.2f %.2f  rad/s %.3f %.3f %.3f" % (acceleration + turning))
        time.sleep_ms(PERIOD_MS)
        lines += 1


main()
