# The engine's module; the character that interrupts is a matter of the line.
from _board import call, real

_micropython = real("micropython")
const = _micropython.const
for _name in dir(_micropython):
    globals()[_name] = getattr(_micropython, _name)


def kbd_intr(character):
    call("kbd_intr", character)
