# MaixPy's pictures; the pixels lie in the process behind the board.
from _board import call, fetch

_KINDS = {1: "grayscale", 2: "rgb565"}


class Image:
    def __init__(self, path=None, size=None, copy_to_fb=False, **_):
        if isinstance(path, str):
            self._set(call("picture_open", path))
        else:
            width, height = size or call("lcd_size")
            self._set(call("picture_new", width, height, False))

    @staticmethod
    def _of(number):
        made = object.__new__(Image)
        made._set(number)
        return made

    def _set(self, number):
        self._number = number
        self._width, self._height, self._kind = call("picture_about", number)

    def _prepared(self):
        return call("picture_prepared", self._number)

    def width(self):
        return self._width

    def height(self):
        return self._height

    def size(self):
        return self._width * self._height * self._kind

    def format(self):
        return self._kind

    def resize(self, width, height):
        return Image._of(call("picture_resize", self._number, width, height))

    def cut(self, x, y, width, height):
        return Image._of(call("picture_crop", self._number, x, y, width, height))

    def crop(self, roi):
        return self.cut(*roi)

    def copy(self, roi=None, copy_to_fb=False):
        return self.cut(*(roi or (0, 0, self._width, self._height)))

    def pix_to_ai(self):
        call("picture_to_ai", self._number)

    def to_bytes(self):
        return fetch("picture_bytes", self._number)

    def get_pixel(self, x, y):
        found = call("picture_pixel", self._number, x, y)
        return found[0] if self._kind == 1 else tuple(found)

    def _draw(self, shape, where, color):
        if isinstance(color, int):
            color = (color,) * 3
        call("picture_draw", self._number, shape, list(where), list(color))
        return self

    def set_pixel(self, x, y, color):
        return self._draw("line", (x, y, x, y), color)

    def draw_rectangle(self, *where, color=(255, 255, 255), thickness=1, fill=False):
        box = where[0] if isinstance(where[0], tuple) else where[:4]
        return self._draw("rectangle", (box[0], box[1], box[2], box[3], int(fill)), color)

    def draw_line(self, *where, color=(255, 255, 255), thickness=1):
        ends = where[0] if isinstance(where[0], tuple) else where[:4]
        return self._draw("line", ends, color)

    def draw_circle(self, x, y, radius, color=(255, 255, 255), thickness=1, fill=False):
        return self._draw("circle", (x, y, radius), color)

    def draw_string(self, x, y, text, color=(255, 255, 255), scale=1, **_):
        return self._draw("text", (x, y, text, scale), color)

    def clear(self):
        return self._draw("rectangle", (0, 0, self._width, self._height, 1), (0, 0, 0))

    def save(self, path, roi=None, quality=95):
        call("picture_save", self._number, path, quality)
        return self

    def __repr__(self):
        form = '{"w":%d, "h":%d, "type"="%s", "size":%d}'
        return form % (self._width, self._height, _KINDS[self._kind], self.size())
