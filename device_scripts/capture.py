# Takes photographs for a data set in the layout of M5Stack's V-Training. M5StickV, MaixPy,
# MicroPython 1.11.
#
# Button A takes a photograph, button B goes to the next class. Shots 1 to 30 of a class are for
# training, 31 to 35 for validation. The SD card then holds train/<class>/<n>.jpg and
# valid/<class>/<n>.jpg: zip the two folders. Shots that lie on the card already are kept.
import os
import time

import lcd
import sensor
from board import board_info
from fpioa_manager import fm
from Maix import GPIO

ROOT = "/sd"
CLASSES = 10
TRAINING, SHOTS = 30, 35
QUALITY = 95
DEBOUNCE_MS = 30
GREEN, RED = (0, 255, 0), (255, 0, 0)


class Button:
    # Pressed is low. `pressed` is true once for each time that the button goes down.
    def __init__(self, pin, gpio, function):
        fm.register(pin, function)
        self.gpio = GPIO(gpio, GPIO.IN, GPIO.PULL_UP)
        self.down = False

    def pressed(self):
        down = self.gpio.value() == 0
        if down == self.down:
            return False
        time.sleep_ms(DEBOUNCE_MS)
        if (self.gpio.value() == 0) != down:
            return False
        self.down = down
        return down


def made(path):
    try:
        os.mkdir(path)
    except OSError:
        # It is there already, or the photograph that goes into it says why not.
        pass
    return path


def shots_in(folder):
    try:
        names = os.listdir(folder)
    except OSError:
        return set()
    return {int(name[:-4]) for name in names if name.endswith(".jpg") and name[:-4].isdigit()}


def part_of(shot):
    return "train" if shot <= TRAINING else "valid"


def next_shot(number):
    taken = set()
    for part in ("train", "valid"):
        taken |= shots_in("%s/%s/%d" % (ROOT, part, number))
    free = [shot for shot in range(1, SHOTS + 1) if shot not in taken]
    return free[0] if free else None


def save(picture, number, shot):
    folder = made("%s/%s" % (made("%s/%s" % (ROOT, part_of(shot))), number))
    path = "%s/%d.jpg" % (folder, shot)
    picture.save(path, quality=QUALITY)
    print("saved", path)


def show(picture, number, shot):
    if shot is None:
        text, color = "class %d is full" % number, RED
    else:
        text, color = "class %d: %s %d of %d" % (number, part_of(shot), shot, SHOTS), GREEN
    picture.draw_string(4, 4, text, color=color, scale=2)
    lcd.display(picture)


def start_camera():
    lcd.init()
    lcd.rotation(2)
    sensor.reset()
    sensor.set_pixformat(sensor.RGB565)
    sensor.set_framesize(sensor.QVGA)
    sensor.run(1)


def main():
    start_camera()
    take = Button(board_info.BUTTON_A, GPIO.GPIO1, fm.fpioa.GPIO1)
    change = Button(board_info.BUTTON_B, GPIO.GPIO2, fm.fpioa.GPIO2)
    number = 1
    shot = next_shot(number)
    while True:
        picture = sensor.snapshot()
        if change.pressed():
            number = number % CLASSES + 1
            shot = next_shot(number)
        if take.pressed() and shot is not None:
            save(picture, number, shot)
            shot = next_shot(number)
        show(picture, number, shot)


main()
