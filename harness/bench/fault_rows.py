"""Rows of `k210 bench board` that count what survived."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TransferFaultRow:
    """Files of up to 16 KB through faults.

    Attributes:
        name: Of the row.
        transfers: How many were begun.
        complete: How many arrived whole, by comparison on the host.
        faults: Cuts, or blocks and answers that were lost or garbled.
        most_bytes_twice: Of a file that went twice, in the worst transfer; None where not counted.
        window_bytes: What may be under way at once.
        seconds: For all of it.
    """

    name: str
    transfers: int
    complete: int
    faults: int
    most_bytes_twice: int | None
    window_bytes: int
    seconds: float

    @property
    def said(self) -> str:
        """The row in words."""
        text = f"{self.complete} of {self.transfers} complete, {self.faults} faults"
        if self.most_bytes_twice is not None:
            text += f", {self.most_bytes_twice} bytes sent twice at the most"
        return f"{text}, {self.seconds:.0f} s"


@dataclass(frozen=True)
class RunFaultRow:
    """Small inferences with a fault in each stretch of so many.

    Attributes:
        name: Of the row.
        inferences: How many were asked for.
        results: How many came, in order; a result of another input is not bit-equal.
        bit_equal: How many of them are those of the simulator (backend `kpu`).
        faults: How many struck.
        recoveries: How often the board had to be brought back.
        seconds: For all of it.
        failure: Why it came to no end, and gave no results; empty where it did.
    """

    name: str
    inferences: int
    results: int
    bit_equal: int
    faults: int
    recoveries: int
    seconds: float
    failure: str = ""

    @property
    def said(self) -> str:
        """The row in words."""
        if self.failure:
            return f"failed after {self.faults} faults and {self.seconds:.0f} s: {self.failure}"
        return (
            f"{self.results} of {self.inferences} results, {self.bit_equal} bit-equal to kpu, "
            f"{self.faults} faults, {self.seconds:.0f} s"
        )


@dataclass(frozen=True)
class DeadBoardRow:
    """A board that dies, and how many seconds it takes until that is known.

    Attributes:
        name: Of the row.
        seconds: None where it was never known.
        failure: What happened then.
    """

    name: str
    seconds: float | None
    failure: str = ""

    @property
    def said(self) -> str:
        """The row in words."""
        if self.seconds is None:
            return f"failed: {self.failure}"
        return f"known after {self.seconds:.1f} s"


Row = TransferFaultRow | RunFaultRow | DeadBoardRow
