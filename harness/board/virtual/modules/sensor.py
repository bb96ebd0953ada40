# MaixPy's camera, which sees the pictures of a folder in turn.
import time

from _board import call
from image import Image

GRAYSCALE, RGB565, YUV422 = 1, 2, 3
QQVGA, QVGA, VGA = 5, 9, 13
B64X64, B128X128 = 20, 23
_SIZES = {
    QQVGA: (160, 120),
    QVGA: (320, 240),
    VGA: (640, 480),
    B64X64: (64, 64),
    B128X128: (128, 128),
}
# Period of the sensor. A picture waits for the next frame to begin and takes it whole: two
# periods, of which one goes by while a program works.
_FRAME_MS = call("camera_ms")
_state = {"gray": False, "size": (320, 240), "window": None, "last": None, "at": 0}


def reset(*_, **__):
    _state.update({"gray": False, "size": (320, 240), "window": None})


def run(enable):
    return 1


def shutdown(enable):
    pass


def set_pixformat(pixformat):
    if pixformat not in (GRAYSCALE, RGB565):
        raise ValueError("Pixel format is not supported!")
    _state["gray"] = pixformat == GRAYSCALE


def set_framesize(framesize, *_, **__):
    if framesize not in _SIZES:
        raise ValueError("Failed to set framesize")
    _state["size"], _state["window"] = _SIZES[framesize], None


def set_windowing(window):
    width, height = _state["size"]
    if len(window) == 2:
        w, h = window
        window = ((width - w) // 2, (height - h) // 2, w, h)
    _state["window"] = list(window)


def width():
    return _state["window"][2] if _state["window"] else _state["size"][0]


def height():
    return _state["window"][3] if _state["window"] else _state["size"][1]


def skip_frames(n=None, time=300):
    call("sleep", time if n is None else n * _FRAME_MS)


def snapshot():
    worked = time.ticks_diff(time.ticks_ms(), _state["at"])
    call("sleep", _FRAME_MS + max(0, _FRAME_MS - max(0, worked)))
    _state["at"] = time.ticks_ms()
    if _state["last"] is not None:
        call("picture_free", _state["last"])
    window = _state["window"]
    number = call("sensor_frame", _state["size"][0], _state["size"][1], _state["gray"], window)
    _state["last"] = number
    return Image._of(number)


def flush():
    pass


def _ignored(*_, **__):
    return 0


set_hmirror = set_vflip = set_brightness = set_contrast = set_saturation = _ignored
set_auto_gain = set_auto_exposure = set_auto_whitebal = set_gainceiling = _ignored
set_colorbar = set_jb_quality = set_framerate = _ignored


def get_id():
    return 0x7742
