"""What the tests of all methods need around a training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


class PowerCutError(Exception):
    """As a power cut would end it."""


class Listener:
    """Keeps what a training says, and interrupts it after so many stretches."""

    def __init__(self, title: str, interrupt_after: int | None = None) -> None:
        self.said: list[str] = []
        self.notes: list[str] = []
        self._title, self._interrupt_after = title, interrupt_after

    @contextmanager
    def task(self, title: str, total: int | None):
        yield self if title == self._title else Listener("")

    def advance(self, steps: int = 1, note: str = "") -> None:
        if note:
            self.notes.append(note)
        if len(self.notes) == self._interrupt_after:
            raise PowerCutError

    def say(self, text: str) -> None:
        self.said.append(text)


@contextmanager
def one_thread() -> Iterator[None]:
    """Results to the bit depend on the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def as_arguments(options: dict[str, str]) -> list[str]:
    """Return options as a command takes them."""
    return [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
