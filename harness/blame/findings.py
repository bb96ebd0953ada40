"""Everything that a verdict rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.blame.board_check import BoardFinding
from harness.blame.contract_check import ContractFinding
from harness.blame.law import Breach
from harness.blame.legal import RewriteFinding
from harness.blame.link import Link
from harness.blame.not_finite import NotFinite
from harness.blame.parameters import Damage
from harness.blame.recorded import FloatFinding
from harness.blame.result import Asked, Column, LayerError, LayerRow


@dataclass(frozen=True)
class Findings:
    """What was found, in the order in which data pass.

    Attributes:
        rows: Of the layers.
        channel_snr: SNR of each channel alone, by layer and column.
        links: What belongs together.
        not_finite: Where the float model gives no numbers; None where it gives some everywhere.
        edits: Where `contract.json` is not what the run was made with, a line each.
        floats: What the recorded float outputs say.
        contract: How the kmodel sees the picture, where that is wrong.
        rewrites: Whether the legaliser kept the function; None where it changed nothing.
        foreign: Layers whose weights have nothing of the float model's.
        damages: Parameters that are not the float model's.
        breaches: What nncase would have written otherwise.
        changed: How outputs differ from those that the run kept, in words; "" where they do not.
        outputs: Errors of the model's outputs by name and column, accumulated.
        asked: What was asked of the outputs, as the run judged them.
        simulators: How nncase's simulator and ours differ, in words; "" where they do not.
        board: What a board's answers say.
    """

    rows: Sequence[LayerRow]
    channel_snr: Mapping[tuple[str, str], Sequence[float | None]]
    links: Mapping[str, Link]
    outputs: Mapping[str, Mapping[Column, LayerError]]
    not_finite: NotFinite | None = None
    edits: Sequence[str] = ()
    floats: FloatFinding | None = None
    contract: ContractFinding | None = None
    rewrites: RewriteFinding | None = None
    foreign: Sequence[str] = ()
    damages: Sequence[Damage] = ()
    breaches: Sequence[Breach] = ()
    changed: str = ""
    asked: Sequence[Asked] = ()
    simulators: str = ""
    board: BoardFinding | None = None

    def row(self, layer: str) -> LayerRow | None:
        """Return a layer's row; None for what has none."""
        return next((row for row in self.rows if row.name == layer), None)

    @property
    def holds(self) -> bool:
        """Whether a tolerance of the method's own is known, and all outputs are within theirs."""
        return any(one.own for one in self.asked) and all(one.held for one in self.asked)
