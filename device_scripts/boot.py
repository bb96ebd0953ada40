# Classifies what the camera sees and shows the name of the class. MaixPy, MicroPython 1.11.
#
# Copy everything that lies beside this file onto the top of the SD card, and switch the board on.
import gc
import math
import time

import image
import KPU as kpu
import lcd
import sensor

MODEL = "/sd/model.kmodel"
LABELS = ["1", "2", "3"]
SIDE = 128
# Versions of the kmodel format that this firmware loads. Stock MaixPy loads 3 and 4; a firmware
# that was built with the run-time of nncase 1.x also loads 5.
FIRMWARE_LOADS = (3, 4)

SURE = 0.95
# The model was trained on the largest centred square of the picture, made smaller.
WINDOW = 240
GREEN = (0, 255, 0)
# Characters in a line of the M5StickV's display, and pixels from line to line.
COLUMNS, LINE_HEIGHT = 28, 18


def kmodel_version(path):
    with open(path, "rb") as file:
        head = file.read(8)
    if len(head) < 8:
        return 0
    # "LDMK" opens versions 4 and 5, and their number follows; version 3 opens with its number.
    return head[4] if head[:4] == b"LDMK" else head[0]


def wrapped(text):
    return [text[start : start + COLUMNS] for start in range(0, len(text), COLUMNS)]


def stop(messages):
    print("\n".join(messages))
    lines = [line for message in messages for line in wrapped(message)]
    lcd.clear()
    for number, line in enumerate(lines):
        lcd.draw_string(4, 4 + LINE_HEIGHT * number, line, lcd.WHITE, lcd.RED)
    while True:
        time.sleep_ms(1000)


def load_model():
    try:
        version = kmodel_version(MODEL)
    except OSError:
        stop(["No model on the SD card:", MODEL])
    if version not in FIRMWARE_LOADS:
        loads = ", ".join(str(number) for number in FIRMWARE_LOADS)
        stop(
            [
                "Cannot load this model.",
                "The file is kmodel v%d;" % version,
                "this firmware loads " + loads,
            ]
        )
    try:
        task = kpu.load(MODEL)
        if version > 3:
            kpu.set_outputs(task, 0, 1, 1, len(LABELS))
        return task
    except Exception as error:
        stop(["The firmware refused the", "model (kmodel v%d):" % version, str(error)])


def softmax(logits):
    highest = max(logits)
    powers = [math.exp(logit - highest) for logit in logits]
    total = sum(powers)
    return [power / total for power in powers]


def start_camera():
    sensor.reset()
    sensor.set_pixformat(sensor.RGB565)
    sensor.set_framesize(sensor.QVGA)
    sensor.set_windowing((WINDOW, WINDOW))
    sensor.run(1)


def classify(task, picture):
    small = picture.resize(SIDE, SIDE)
    small.pix_to_ai()
    logits = kpu.forward(task, small)[:]
    chances = softmax(logits[: len(LABELS)])
    best = max(range(len(LABELS)), key=lambda place: chances[place])
    return best, chances[best]


def show_startup():
    lcd.init()
    lcd.rotation(2)
    try:
        lcd.display(image.Image("/sd/startup.jpg"))
    except Exception as error:
        print("no startup picture:", error)


def main():
    show_startup()
    task = load_model()
    try:
        start_camera()
        while True:
            picture = sensor.snapshot()
            best, chance = classify(task, picture)
            if chance > SURE:
                text = "%s %.2f" % (LABELS[best], chance)
                picture.draw_string(8, 8, text, color=GREEN, scale=2)
            lcd.display(picture)
            gc.collect()
    finally:
        kpu.deinit(task)


main()
