"""File names of pages: any run and any method gets one of its own, whatever it is called."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
_LONGEST = 80


def page(name: str) -> str:
    """Return the file name of a page; names that differ get different ones."""
    plain = "".join(char if char in _PLAIN else "_" for char in name)[:_LONGEST]
    # File systems that do not tell A from a would put two runs into one page.
    if plain != name or name != name.lower() or name.startswith("."):
        plain = f"{plain.lstrip('.')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{plain}.html"


def address(folder: str, name: str) -> str:
    """Return the address of a page below a folder of the site."""
    return f"{folder}/{quote(page(name))}"
