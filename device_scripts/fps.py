# Shows the camera on the display and prints the frame rate, like the IDE's first example; with a
# model, runs it on each frame. MaixPy, MicroPython 1.11.
import gc
import time

import lcd
import sensor

# Path of a kmodel, its input's side, and for kmodel v4 the number of its output values.
MODEL = None
SIDE = 224
OUTPUTS = 1000
# Frames from one line of the log to the next, and lines until the end (0: for ever).
FRAMES = 30
LINES = 0


def start_camera():
    lcd.init()
    sensor.reset()
    sensor.set_pixformat(sensor.RGB565)
    sensor.set_framesize(sensor.QVGA)
    if MODEL:
        sensor.set_windowing((SIDE, SIDE))
    sensor.run(1)
    sensor.skip_frames(time=500)


def load_model():
    import KPU

    with open(MODEL, "rb") as file:
        head = file.read(5)
    task = KPU.load(MODEL)
    if head == b"LDMK\x04":
        KPU.set_outputs(task, 0, 1, 1, OUTPUTS)
    return KPU, task


def one_frame(model):
    picture = sensor.snapshot()
    if model:
        kpu, task = model
        picture.pix_to_ai()
        kpu.forward(task, picture)
    lcd.display(picture)


def log(count, took_ms):
    print("%d frames in %d ms: %.2f fps" % (count, took_ms, 1000 * count / took_ms))


def main():
    start_camera()
    model = load_model() if MODEL else None
    lines = 0
    while not LINES or lines < LINES:
        started = time.ticks_ms()
        for _ in range(FRAMES):
            one_frame(model)
        log(FRAMES, time.ticks_diff(time.ticks_ms(), started))
        gc.collect()
        lines += 1
    if model:
        model[0].deinit(model[1])


main()
