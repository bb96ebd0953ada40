# CanMV's class KPU, which loads raw input tensors from files.
import math

import ustruct
from _board import call, fetch, model_done, ticks_us


class KPU:
    def __init__(self):
        self._number = None

    def load_kmodel(self, source, size=0):
        self.deinit()
        self._number = call("kpu_load", source)["number"]
        return True

    def run_with_output(self, input, getlist=False, get_feature=False):
        if self._number is None:
            raise ValueError("no kmodel is loaded")
        started = ticks_us()
        if isinstance(input, str):
            call("kpu_run_file", self._number, input)
        else:
            call("kpu_run_picture", self._number, input._number)
        about = call("kpu_output", self._number, 0)
        data = fetch("kpu_read", self._number, 0, 0, about["size"])
        model_done(self._number, started)
        if getlist:
            return list(ustruct.unpack("<%df" % (len(data) // 4), data))
        return data if get_feature else True

    def init_yolo2(self, anchor, anchor_num, threshold=0.5, nms_value=0.3, **_):
        self._yolo = threshold, nms_value, list(anchor)

    def regionlayer_yolo2(self):
        found = call("kpu_yolo2", self._number, *self._yolo)
        names = ("x", "y", "w", "h", "classid", "value")
        return [[one[name] for name in names] for one in found]

    def sigmoid(self, value):
        return 1 / (1 + math.exp(-value))

    def softmax(self, values):
        powers = [math.exp(value - max(values)) for value in values]
        return [power / sum(powers) for power in powers]

    def deinit(self):
        if self._number is not None:
            call("kpu_deinit", self._number)
            self._number = None
