# Runs a model on stored inputs and prints what comes out, to the bit. MaixPy and CanMV,
# MicroPython 1.11.
#
# The harness sends this text to the REPL, and then calls open_model, infer, latency and
# close_model. Each answer is a line of its own, "k210:<CRC32>:<text>": the firmware's log lines
# share the wire, and cannot be taken for an answer. The last line says what was asked for, as it
# came here: a call that the line has garbled may name another file, and is no error then.
import gc
import time

import ubinascii
import ustruct

# Values of an output in one line; as base64 of 32-bit floats, 1024 characters.
VALUES = 192
# Times in one line of `latency`, which also says that the board is alive.
TIMES = 20

model = None


def answer(text):
    print("k210:%08x:%s" % (ubinascii.crc32(text.encode()) & 0xFFFFFFFF, text))


class MaixPyModel:
    # The module KPU of MaixPy. Outputs are read by slices: `fmap.typecode` takes its letter for
    # an address in MaixPy 0.6, and `fmap.w` counts bytes.
    def __init__(self, path, outputs):
        import KPU

        self.kpu = KPU
        self.task = KPU.load(path)
        for index, (_, _, shape) in enumerate(outputs):
            if shape and not KPU.set_outputs(self.task, index, *shape):
                raise ValueError("set_outputs refused output %d as %s" % (index, shape))

    def input(self, path):
        if path.endswith(".f32"):
            with open(path, "rb") as file:
                data = file.read()
            return list(ustruct.unpack("<%df" % (len(data) // 4), data))
        import image

        picture = image.Image(path)
        picture.pix_to_ai()
        return picture

    def run(self, x):
        self.first = self.kpu.forward(self.task, x)

    def output(self, index):
        return self.kpu.get_output(self.task, index) if index else self.first

    def close(self):
        self.kpu.deinit(self.task)


class CanMvModel:
    # The class KPU of CanMV, which loads raw input tensors from files and gives its first output.
    def __init__(self, path, outputs):
        from maix import KPU

        if len(outputs) > 1:
            raise ValueError("CanMV gives the first of %d outputs only" % len(outputs))
        self.kpu = KPU()
        self.kpu.load_kmodel(path)

    def input(self, path):
        return path

    def run(self, x):
        self.first = self.kpu.run_with_output(x, getlist=True)

    def output(self, index):
        return self.first

    def close(self):
        self.kpu.deinit()


def open_model(api, path, outputs):
    # `outputs` has a (format, count, shape) each: format "f" or "B", count of values, and
    # (w, h, channels) where the firmware has to be told.
    global model
    model = {"KPU": MaixPyModel, "maix.KPU": CanMvModel}[api](path, outputs), outputs
    gc.collect()
    answer("open %r" % ((api, path, outputs),))


def timed_run(runner, x):
    started = time.ticks_us()
    runner.run(x)
    return time.ticks_diff(time.ticks_us(), started)


def infer(path):
    runner, outputs = model
    answer("t %d" % timed_run(runner, runner.input(path)))
    for index, (form, count, _) in enumerate(outputs):
        values = runner.output(index)
        for start in range(0, count, VALUES):
            piece = values[start : min(start + VALUES, count)]
            data = ustruct.pack("<%d%s" % (len(piece), form), *piece)
            at = start * ustruct.calcsize("<" + form)
            answer("o %d %d %s" % (index, at, ubinascii.b2a_base64(data).decode().strip()))
        del values
    gc.collect()
    answer("done %r" % (path,))


def latency(paths, warm_up, least_ms):
    # Runs all inputs in turn, at first `warm_up` times unmeasured, until the runs that are
    # measured have taken `least_ms` together.
    runner, _ = model
    inputs = [runner.input(path) for path in paths]
    for turn in range(warm_up):
        runner.run(inputs[turn % len(inputs)])
    times, turn, left_us = [], 0, 1000 * least_ms
    while turn < len(inputs) or left_us > 0:
        times.append(timed_run(runner, inputs[turn % len(inputs)]))
        left_us -= times[-1]
        turn += 1
        if len(times) == TIMES:
            answer("t " + " ".join(map(str, times)))
            times.clear()
    if times:
        answer("t " + " ".join(map(str, times)))
    answer("done %r" % ((paths, warm_up, least_ms),))


def close_model():
    global model
    if model:
        model[0].close()
        model = None
    gc.collect()
    answer("closed")
