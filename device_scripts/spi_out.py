# Classifies what the camera sees and sends each result over SPI. M5StickV, MaixPy,
# MicroPython 1.11.
#
# The Grove socket carries two signals: SCK on pin 35 and MOSI on pin 34, SPI mode 0, most
# significant bit first. Without a chip select a receiver finds the beginning of a result by its
# first byte and the check: 0xA5, class from 0, confidence 0 to 255, XOR of these three bytes.
import gc
import math

import KPU as kpu
import sensor
from board import board_info
from machine import SPI

MODEL = "/sd/model.kmodel"
CLASSES = 3
SIDE = 128
WINDOW = 240
BAUD_RATE = 1000000
FRAME_START = 0xA5
# Results until the end; 0: for ever.
RESULTS = 0


def frame(best, chance):
    body = bytes([FRAME_START, best, min(255, int(chance * 255 + 0.5))])
    return body + bytes([body[0] ^ body[1] ^ body[2]])


def best_of(logits):
    highest = max(logits)
    powers = [math.exp(logit - highest) for logit in logits]
    best = powers.index(max(powers))
    return best, powers[best] / sum(powers)


def load_model():
    with open(MODEL, "rb") as file:
        head = file.read(5)
    task = kpu.load(MODEL)
    if head == b"LDMK\x04":
        kpu.set_outputs(task, 0, 1, 1, CLASSES)
    return task


def start_camera():
    sensor.reset()
    sensor.set_pixformat(sensor.RGB565)
    sensor.set_framesize(sensor.QVGA)
    sensor.set_windowing((WINDOW, WINDOW))
    sensor.run(1)


def classify(task):
    small = sensor.snapshot().resize(SIDE, SIDE)
    small.pix_to_ai()
    return best_of(kpu.forward(task, small)[:CLASSES])


def main():
    spi = SPI(
        SPI.SPI1,
        mode=SPI.MODE_MASTER,
        baudrate=BAUD_RATE,
        polarity=0,
        phase=0,
        bits=8,
        firstbit=SPI.MSB,
        sck=board_info.CONNEXT_A,
        mosi=board_info.CONNEXT_B,
    )
    task = load_model()
    try:
        start_camera()
        results = 0
        while not RESULTS or results < RESULTS:
            best, chance = classify(task)
            spi.write(frame(best, chance))
            print("sent", best, "%.2f" % chance)
            gc.collect()
            results += 1
    finally:
        kpu.deinit(task)


main()
