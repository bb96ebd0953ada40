"""What is made on the way from two files to a verdict."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.blame.flow import Flow
from harness.blame.graph import Graph
from harness.blame.legal import Legal
from harness.blame.link import Link
from harness.blame.not_finite import NotFinite
from harness.blame.tally import Tally
from harness.blame.units import Codes


@dataclass
class Work:
    """What is made on the way, and how long it took.

    Attributes:
        flow: The program, whose codes are known when it is matched.
        legal: The float model in its two forms.
        given: What the bytes of a picture stand for.
        links: What belongs together.
        seconds: How long each part took.
        agreement: Outputs of the rewritten model beside those of the exported one.
        not_finite: Where the float model gives no numbers, once that was seen.
    """

    flow: Flow
    legal: Legal
    given: Codes
    links: dict[str, Link] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    agreement: Tally = field(default_factory=Tally)
    not_finite: NotFinite | None = None

    @property
    def graph(self) -> Graph:
        """The float model as nncase was given it."""
        return self.legal.graph

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Add the time that passes inside to a part's."""
        started = time.perf_counter()
        yield
        spent = time.perf_counter() - started
        self.seconds[part] = self.seconds.get(part, 0.0) + spent
