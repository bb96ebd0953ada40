"""What the tests of all methods need around a training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from harness.method import Method, TrainJob


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


def job_maker(quick: dict[str, str], **common: Any) -> Callable[..., TrainJob]:
    """Return what makes a quick training; arguments change it, options one by one."""

    def make(options: dict[str, str] | None = None, **changes: Any) -> TrainJob:
        return TrainJob(**{**common, "options": quick | (options or {}), **changes})

    return make


def train_once(method: Method, job: TrainJob) -> Path:
    """Return the checkpoint of a training for all tests, made before `one_thread` holds."""
    with one_thread():
        return method.train(job)


def as_arguments(options: dict[str, str]) -> list[str]:
    """Return options as a command takes them."""
    return [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
