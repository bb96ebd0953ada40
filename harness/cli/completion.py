"""What the shell offers after Tab."""

from __future__ import annotations


def complete_method(incomplete: str) -> list[str]:
    """Return the methods whose names begin so."""
    from harness.method import available

    return [name for name in available() if name.startswith(incomplete)]
