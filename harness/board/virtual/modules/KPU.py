# MaixPy's module KPU. The computing happens in the process behind the board.
import gc

import ustruct
from _board import call, fetch, model_done, place, ticks_us
from image import Image

__all__ = (
    "check",
    "deinit",
    "fmap",
    "fmap_free",
    "forward",
    "get_output",
    "init_yolo2",
    "load",
    "load_flash",
    "memtest",
    "netinfo",
    "run_yolo2",
    "set_layers",
    "set_outputs",
)
_ENDINGS = (".kmodel", ".smodel", ".emodel")
_SIZES = {"f": 4, "B": 1}


class kpu_net:
    def __init__(self, loaded, address, path):
        self._number, self._layers = loaded["number"], loaded["layers"]
        self._size, self._address, self._path = loaded["size"], address, path
        self._yolo = None

    def model_addr(self):
        return self._address

    def model_size(self):
        return self._size

    def model_path(self):
        return self._path

    def net_arg(self):
        return self._yolo

    def __repr__(self):
        return '{"model_addr": %d, "model_size": %d, "model_path": "%s", "net_args": %s}' % (
            self._address or 0,
            self._size,
            self._path or "(null)",
            '"(null)"' if self._yolo is None else self._yolo,
        )


class kpu_yolo2:
    def __init__(self, threshold, nms_value, anchor):
        self.threshold, self.nms_value, self.anchor = threshold, nms_value, anchor

    def __repr__(self):
        return '{"threshold":%f, "nms_value":%f, "anchor_number":%d, "anchor":"(%s)"}' % (
            self.threshold,
            self.nms_value,
            len(self.anchor) // 2,
            ", ".join("%f" % value for value in self.anchor),
        )


class kpu_yolo2_find:
    def __init__(self, found):
        self._found = found

    def rect(self):
        return tuple(self._found[name] for name in ("x", "y", "w", "h"))

    def x(self):
        return self._found["x"]

    def y(self):
        return self._found["y"]

    def w(self):
        return self._found["w"]

    def h(self):
        return self._found["h"]

    def classid(self):
        return self._found["classid"]

    def index(self):
        return self._found["index"]

    def value(self):
        return self._found["value"]

    def objnum(self):
        return self._found["objnum"]

    def __repr__(self):
        names = ("x", "y", "w", "h", "value", "classid", "index", "objnum")
        forms = (
            '{"x":%d, "y":%d, "w":%d, "h":%d, "value":%f, "classid":%d, "index":%d, "objnum":%d}'
        )
        return forms % tuple(self._found[name] for name in names)


class kpu_fmap:
    # Reads the model's output where it lies: the next run changes it.
    def __init__(self, net, output, about):
        self._net, self._output, self._about = net, output, about
        self._kind = about["kind"]
        self._each = _SIZES[self._kind]

    def size(self):
        return self._about["size"]

    def index(self):
        return self._about["index"]

    def w(self):
        # The firmware counts bytes where it was not told a shape.
        return self._about["w"] if self._about["told"] else self._about["size"]

    def h(self):
        return self._about["h"]

    def ch(self):
        return self._about["ch"]

    def typecode(self):
        raise NotImplementedError("MaixPy takes the letter for an address here, and stops")

    def __len__(self):
        return self._about["size"] // self._each

    def __getitem__(self, index):
        count = len(self)
        if isinstance(index, slice):
            start, stop = _bounds(index, count)
            return self._values(start, stop)
        if not -count <= index < count:
            raise IndexError("index out of range")
        index %= count
        return self._values(index, index + 1)[0]

    def _values(self, start, stop):
        each, number = self._each, self._net._number
        data = fetch("kpu_read", number, self._output, start * each, stop * each)
        return ustruct.unpack("<%d%s" % (len(data) // each, self._kind), data)

    def __repr__(self):
        about = self._about
        return (
            '{"fmap": "data"=0x80300000, "size"=%d, "index": %d, "w": %d, "h": %d, "ch": %d, '
            '"typecode": %s}'
            % (about["size"], about["index"], self.w(), about["h"], about["ch"], self._kind)
        )


class kpu_netinfo_find:
    def __init__(self, info):
        self._info = info

    def __getattr__(self, name):
        if name not in self._info:
            raise AttributeError(name)
        return lambda: self._info[name]

    def __repr__(self):
        names = (
            "wi",
            "hi",
            "wo",
            "ho",
            "chi",
            "cho",
            "dw",
            "kernel_type",
            "pool_type",
            "para_size",
        )
        return '{"index":%d, "type":%s, %s}' % (
            self._info["index"],
            self._info["name"],
            ", ".join('"%s":%d' % (name, self._info[name]) for name in names),
        )


def _bounds(index, count):
    # MicroPython 1.10 shows a slice's ends only in its text.
    text = repr(index)[6:-1].split(", ")
    start, stop = (None if part == "None" else int(part) for part in text[:2])
    if text[2:] not in ([], ["None"], ["1"]):
        raise OSError("only slices with step=1 (aka None) are supported")
    start = 0 if start is None else max(0, start + count) if start < 0 else min(start, count)
    stop = count if stop is None else max(0, stop + count) if stop < 0 else min(stop, count)
    return start, max(start, stop)


def _net(task):
    if not isinstance(task, kpu_net):
        raise TypeError("[MAIXPY]kpu: kpu_net type error")
    return task._number


def load(source):
    if isinstance(source, int):
        if source <= 0:
            raise ValueError("[MAIXPY]kpu: model_addr must > 0 ")
        return kpu_net(call("kpu_load", source), source, None)
    if not isinstance(source, str):
        raise TypeError("[MAIXPY]kpu: only accept int or string")
    if not any(ending in source for ending in _ENDINGS):
        raise ValueError("[MAIXPY]kpu: model format don't match, only supply .kmodel ")
    return kpu_net(call("kpu_load", source), None, source)


def load_flash(address, is_dual_buf, batch_size, spi_speed):
    return load(address)


def set_outputs(task, idx, w, h, ch):
    wrong = call("kpu_set_outputs", _net(task), idx, w, h, ch)
    if wrong:
        print(wrong + "\r")
    return not wrong


def set_layers(task, count):
    if call("kpu_set_layers", _net(task), count):
        return True
    print("err: set layers_length to %d, but max %d\r" % (count, task._layers))
    return False


def _check(number, picture):
    shape = call("kpu_input_shape", number)
    if shape is None:
        raise ValueError("[MAIXPY]kpu: first layer not conv layer!\r\n")
    wrong = _misfit(picture, *shape)
    if wrong:
        print("[MAIXPY]kpu: %s\r" % wrong)
        raise ValueError("[MAIXPY]kpu: check img format err!\r\n")


def _misfit(picture, w, h, ch):
    if not picture._prepared():
        return "pix_ai is NULL!"
    if picture.width() != w or picture.height() != h:
        return "img w=%d,h=%d, but model w=%d,h=%d" % (picture.width(), picture.height(), w, h)
    if picture._kind == 1 and ch != 1:
        return "grayscale img, but model channel=%d" % ch
    if picture._kind == 2 and ch != 3:
        return "RGB img, but model channel=%d" % ch
    return None


def forward(kpu_net, img=None, out_index=0, dma=-1):
    number, started = _net(kpu_net), ticks_us()
    if isinstance(img, Image):
        _check(number, img)
        call("kpu_run_picture", number, img._number)
    elif isinstance(img, list):
        if not img:
            raise ValueError("[MAIXPY]kpu: check input list format err!\r\n")
        data = ustruct.pack("<%df" % len(img), *img)
        call("kpu_run_floats", number, place(data))
    else:
        raise ValueError("input not support")
    output = _output(kpu_net, out_index)
    model_done(number, started)
    return output


# Old firmware runs models without having this function.
def _output(task, idx):
    number = _net(task)
    return kpu_fmap(task, idx, call("kpu_output", number, idx))


def get_output(task, idx):
    return _output(task, idx)


def fmap(feature_map, ch):
    if not 0 <= ch < feature_map.ch():
        raise ValueError("[MAIXPY]kpu: ch err,input 0~%d\r\n" % feature_map.ch())
    if feature_map._kind != "B":
        raise ValueError("[MAIXPY]kpu: can't convet float fmap yet\r\n")
    return Image._of(call("kpu_fmap", feature_map._net._number, feature_map._output, ch))


def fmap_free(feature_map):
    pass


def netinfo(task):
    found = call("kpu_netinfo", _net(task))
    for info in found:
        print("layer[%d]: %s, %d bytes\r" % (info["index"], info["name"], info["bytes"]))
    return [kpu_netinfo_find(info) for info in found]


def init_yolo2(kpu_net, threshold, nms_value, anchor_number, anchor, dma=-1):
    _net(kpu_net)
    for name, value in (("threshold", threshold), ("nms_value", nms_value)):
        if not 0 <= value <= 1:
            raise ValueError("[MAIXPY]kpu: %s only support 0 to 1" % name)
    if anchor_number <= 0:
        raise ValueError("[MAIXPY]kpu: anchor_number should > 0")
    if len(anchor) != 2 * anchor_number:
        raise ValueError(
            "requested length %d but object has length %d" % (2 * anchor_number, len(anchor))
        )
    kpu_net._yolo = kpu_yolo2(threshold, nms_value, tuple(anchor))
    return True


def run_yolo2(task, img):
    number, yolo, started = _net(task), task._yolo, ticks_us()
    _check(number, img)
    if yolo is None:
        raise ValueError("[MAIXPY]kpu: region_layer_init err!\r\n")
    call("kpu_run_picture", number, img._number)
    found = call("kpu_yolo2", number, yolo.threshold, yolo.nms_value, list(yolo.anchor))
    model_done(number, started, True)
    return [kpu_yolo2_find(one) for one in found] or None


def deinit(task):
    call("kpu_deinit", _net(task))
    return True


def memtest():
    print("###free gc heap memory : %d KB\r" % (gc.mem_free() // 1024))
    print("###free sys heap memory: %d KB\r" % (call("kpu_free") // 1024))


def check(*_):
    return True
