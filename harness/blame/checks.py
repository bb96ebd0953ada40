"""All that is looked at for a verdict, beside the columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from harness.blame.belonging import foreign_layers
from harness.blame.board_check import BoardFinding, check_board
from harness.blame.columns import Columns
from harness.blame.contract_check import ContractFinding, check_contract
from harness.blame.findings import Findings
from harness.blame.kept import compare_kept
from harness.blame.law import breaches
from harness.blame.legal import check_rewrites
from harness.blame.parameters import damages
from harness.blame.recorded import FloatFinding, check_floats
from harness.blame.rows import layer_rows, output_errors
from harness.blame.suspect import Suspect
from harness.blame.work import Work


def findings(
    suspect: Suspect,
    columns: Columns,
    simulated: dict[str, npt.NDArray[np.float32]],
    work: Work,
) -> Findings:
    """Return what a verdict rests on.

    Args:
        suspect: What is looked at.
        columns: Its layers in all columns, for all pictures.
        simulated: Outputs of our simulator, [N, …] by port.
        work: What was made on the way.
    """
    kept = compare_kept(simulated, suspect.kpu, suspect.nncase, suspect.ask_nncase)
    return Findings(
        rows=layer_rows(columns, work),
        channel_snr={
            (name, column): tally.channels()
            for (name, column, alone), tally in columns.tallies.items()
            if alone
        },
        links=work.links,
        outputs=output_errors(columns, work.graph),
        not_finite=work.not_finite,
        edits=suspect.edits,
        floats=_floats(suspect, work),
        contract=_contract(suspect, work),
        rewrites=check_rewrites(work.legal, work.agreement),
        foreign=foreign_layers(work.links),
        damages=damages(work.links),
        breaches=breaches(work.flow.program),
        changed=kept.changed,
        asked=suspect.asked,
        simulators=kept.simulators,
        board=_board(suspect, work, simulated),
    )


def _contract(suspect: Suspect, work: Work) -> ContractFinding | None:
    if suspect.contract.shape[0] not in (1, 3):
        return None
    codes = torch.from_numpy(np.ascontiguousarray(suspect.images))
    return check_contract(work.flow, work.graph, work.links, suspect.contract, codes)


def _floats(suspect: Suspect, work: Work) -> FloatFinding | None:
    if suspect.floats is None:
        return None
    return check_floats(work.legal.original, suspect.contract, suspect.images, suspect.floats)


def _board(
    suspect: Suspect, work: Work, simulated: dict[str, npt.NDArray[np.float32]]
) -> BoardFinding | None:
    if not suspect.board:
        return None
    program = work.flow.program
    return check_board(program, suspect.images, suspect.board, simulated, suspect.board_layer)
