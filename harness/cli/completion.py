"""What the shell offers after Tab."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args


def complete_method(incomplete: str) -> list[str]:
    """Return the methods whose names begin so."""
    from harness.method import available

    return _beginning(available(), incomplete)


def complete_backends(incomplete: str) -> list[str]:
    """Return comma-separated lists with one more backend, none twice."""
    from harness.backends import names

    *listed, last = incomplete.split(",")
    free = (name for name in names() if name not in listed)
    return [",".join([*listed, name]) for name in _beginning(free, last)]


def complete_board(incomplete: str) -> list[str]:
    """Return `auto`, `virtual`, and the ports that may have a board."""
    from harness.board.discovery import boards

    return _beginning(("auto", "virtual", *(found.port for found in boards())), incomplete)


def complete_calibration(incomplete: str) -> list[str]:
    """Return the ways to take ranges from calibration images."""
    from harness.compiler.worker.checks import CALIBRATION_METHODS

    return _beginning(CALIBRATION_METHODS, incomplete)


def complete_firmware(incomplete: str) -> list[str]:
    """Return the stock firmwares."""
    from harness.kmodel.firmware import FIRMWARES

    return _beginning(FIRMWARES, incomplete)


def complete_legalise(incomplete: str) -> list[str]:
    """Return every NAME=MODE of the legaliser."""
    from harness.compiler.legalise import REWRITES

    texts = [f"{rewrite.name}={mode}" for rewrite in REWRITES for mode in rewrite.modes]
    return _beginning(texts, incomplete)


def complete_color(incomplete: str) -> list[str]:
    """Return the colour orders."""
    from harness.method import ColorOrder

    return _beginning(get_args(ColorOrder), incomplete)


def complete_resize(incomplete: str) -> list[str]:
    """Return the ways to bring a picture to the model's size."""
    from harness.method import ResizeRule

    return _beginning(get_args(ResizeRule), incomplete)


def _beginning(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
