"""How DTR and RTS reach the K210's reset on each kind of board, as data.

Source: the sequences of kflash.py (`reset_to_boot_dan`, `_kd233`, `_maixgo`). Each step holds for
100 ms there. The bridges are those of `harness.board.discovery`.
"""

from __future__ import annotations

from dataclasses import dataclass

HOLD_S = 0.1
Levels = tuple[bool, bool]


@dataclass(frozen=True)
class Wiring:
    """One way in which a bridge resets its board.

    Attributes:
        name: As kflash.py calls the boards that have it.
        reset: (DTR, RTS) in turn, which leave the board running its flash.
        bridges: USB vendor and product of bridges that have it.
    """

    name: str
    reset: tuple[Levels, ...]
    bridges: frozenset[tuple[int, int]]


# RTS is the reset, DTR the boot pin.
DAN = Wiring(
    "dan/bit",
    ((False, False), (False, True), (False, False)),
    frozenset({(0x1A86, 0x7523), (0x0403, 0x6010)}),
)
# DTR is the reset, RTS the boot pin. The open-ec bridges ("goE") are told to boot in the same way;
# the order of their two lines within a step differs in kflash.py, their levels do not.
KD233 = Wiring(
    "kd233/goE",
    ((False, False), (True, False), (False, False)),
    frozenset({(0x0403, 0x6001), (0x0403, 0x6010), (0xC251, 0xF001)}),
)
WIRINGS = (DAN, KD233)


def wirings_of(bridge: tuple[int, int] | None) -> tuple[Wiring, ...]:
    """Return the wirings to try: those of a bridge first, all where it is unknown.

    None of them holds a board of another wiring in reset: all end with both lines low.
    """
    known = tuple(wiring for wiring in WIRINGS if bridge in wiring.bridges)
    return known or WIRINGS
