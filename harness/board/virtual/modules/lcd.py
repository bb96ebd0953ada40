# MaixPy's display; what it shows becomes PNG files of the host.
from _board import call
from image import Image

WHITE, BLACK, RED, GREEN, BLUE = 0xFFFF, 0, 0xF800, 0x07E0, 0x001F
YELLOW, PINK, PURPLE, CYAN, ORANGE = 0xFFE0, 0xF81F, 0x780F, 0x07FF, 0xFD20
NAVY, LIGHTGREY, DARKGREY, MAROON, OLIVE = 0x000F, 0xC618, 0x7BEF, 0x7800, 0x7BE0
_shown = {"screen": None}


def _rgb(color):
    if isinstance(color, tuple):
        return color
    return (color >> 11) * 255 // 31, (color >> 5 & 63) * 255 // 63, (color & 31) * 255 // 31


def _screen():
    if _shown["screen"] is None:
        _shown["screen"] = Image(size=call("lcd_size"))
    return _shown["screen"]


def init(*_, **more):
    clear(more.get("color", BLACK))


def deinit():
    pass


def width():
    return call("lcd_size")[0]


def height():
    return call("lcd_size")[1]


def freq(*_):
    return 15000000


def rotation(*_):
    return 0


def mirror(*_):
    return False


def bgr_to_rgb(*_):
    pass


def register(*_):
    pass


def set_backlight(*_):
    pass


def display(image, *_, **__):
    call("lcd_show", image._number)
    call("sleep", call("lcd_ms"))


def clear(color=BLACK):
    screen = _screen()
    screen.draw_rectangle(0, 0, screen.width(), screen.height(), color=_rgb(color), fill=True)
    call("lcd_show", screen._number)


def draw_string(x, y, text, color=WHITE, background=BLACK):
    screen = _screen()
    screen.draw_rectangle(x, y, 8 * len(text), 16, color=_rgb(background), fill=True)
    screen.draw_string(x, y, text, color=_rgb(color))
    call("lcd_show", screen._number)
