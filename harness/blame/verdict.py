"""The first stage that diverges, with the numbers that say so.

The limits are set by what was measured (docs/blame.md): healthy layers keep 33 dB and more in
every column when they are given exact inputs, and layers that spoil a network fall below 25.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.blame.board_check import BoardFinding
from harness.blame.contract_check import AGREES_DB, ContractFinding
from harness.blame.legal import RewriteFinding
from harness.blame.link import Link
from harness.blame.parameters import Damage
from harness.blame.recorded import FloatFinding
from harness.blame.result import Column, LayerError, LayerRow, Stage, Verdict

# A layer with exact inputs keeps at least so much, in dB; healthy ones were 33 and better.
LEAST_SNR_DB = 25.0
# The same with the kmodel's weights only, where healthy ones were 40 and better.
LEAST_WEIGHTS_DB = 30.0
# An output keeps at least so much behind all layers.
LEAST_OUTPUT_DB = 20.0
# The same for the middle one of its channels.
LEAST_CHANNEL_DB = 15.0
# What the chip's tables and integers may cost beyond the roundings to codes.
MOST_CHIP_LOSS_DB = 6.0
_CHIP_MATTERS_BELOW_DB = 30.0
# An activation table is this close to its function, in codes; nncase's were 1.1 at most.
MOST_TABLE_ERROR = 3.0
_STAGE_OF: dict[Column, Stage] = {
    "weights": "weights",
    "activations": "activations",
    "kpu": "compiler",
}
# Times the median that the range of a channel has to be to be called an outlier.
OUTLIER = 8.0


@dataclass(frozen=True)
class Findings:
    """Everything that a verdict rests on.

    Attributes:
        rows: Of the layers.
        channel_snr: SNR of each channel alone, by layer and column.
        links: What belongs together.
        damages: Parameters that are not the float model's.
        contract: How the kmodel sees the picture, where that is wrong.
        floats: What the recorded float outputs say.
        rewrites: Whether the legaliser kept the function; None where it changed nothing.
        board: What a board's answers say.
        outputs: Errors of the model's outputs by name and column, accumulated.
        simulators: First difference of nncase's simulator and ours, in words; "" for none.
    """

    rows: Sequence[LayerRow]
    channel_snr: Mapping[tuple[str, str], Sequence[float | None]]
    links: Mapping[str, Link]
    damages: Sequence[Damage]
    contract: ContractFinding | None
    floats: FloatFinding | None
    rewrites: RewriteFinding | None
    board: BoardFinding | None
    outputs: Mapping[str, Mapping[Column, LayerError]]
    simulators: str = ""


def judge(found: Findings) -> Verdict:
    """Return the first stage that diverges, in the order in which data pass them."""
    stages = (
        *(_floats, _contract, _rewritten, _damaged, _weights, _activations),
        *(_compiler, _board, _together),
    )
    for stage in stages:
        for verdict in stage(found):
            return verdict
    return Verdict("none", "", tuple(_all_well(found)))


def _floats(found: Findings) -> Iterator[Verdict]:
    if found.floats is not None and found.floats.stage is not None:
        yield Verdict(found.floats.stage, "", found.floats.evidence)


def _contract(found: Findings) -> Iterator[Verdict]:
    finding = found.contract
    if finding is not None:
        agreement = (
            f"with the picture as the contract says, {finding.layer} agrees to "
            f"{finding.as_is_db:.1f} dB with the float model; so to {finding.best_db:.1f} dB "
            f"(limit {AGREES_DB:.0f} dB)"
        )
        yield Verdict("input contract", finding.layer, (finding.hypothesis, agreement))


def _rewritten(found: Findings) -> Iterator[Verdict]:
    if found.rewrites is not None and found.rewrites.stage is not None:
        yield Verdict(found.rewrites.stage, "", found.rewrites.evidence)


def _damaged(found: Findings) -> Iterator[Verdict]:
    for damage in found.damages:
        yield Verdict("weights", damage.layer, tuple(_damage_lines(damage, found)))


def _damage_lines(damage: Damage, found: Findings) -> Iterator[str]:
    shown = _numbers(damage.channels)
    if damage.what == "weights":
        yield (
            f"{damage.count} weights of {damage.layer} are not what quantising the float weights "
            f"gives (by up to {damage.worst:.0f} codes; 1 is rounding): channels {shown} of "
            f"{damage.total}, bytes {damage.start} to {damage.stop - 1} of the file"
        )
    else:
        yield (
            f"the {damage.what} of {damage.layer} are not those of the float model, by up to "
            f"{damage.worst:.2g} of the largest: channels {shown} of {damage.total}"
        )
    row = next(row for row in found.rows if row.name == damage.layer)
    if row.alone.get("weights"):
        yield f"with exact inputs the layer's weights keep {_db(row.alone['weights'].snr_db)}"
    others = [one.layer for one in found.damages if one.layer != damage.layer]
    if others:
        yield f"more layers differ: {', '.join(dict.fromkeys(others))}"


def _weights(found: Findings) -> Iterator[Verdict]:
    middle = _middle(row.alone["weights"].snr_db for row in found.rows if "weights" in row.alone)
    for row in found.rows:
        error = row.alone.get("weights")
        if error is None or error.snr_db is None or error.snr_db >= LEAST_WEIGHTS_DB:
            continue
        if not found.links[row.name].same_form:
            line = (
                f"with exact inputs and its own weights {row.name} keeps {_db(error.snr_db)} of "
                f"{row.node} (limit {LEAST_WEIGHTS_DB:.0f} dB), and with the float weights it "
                "would not compute that either: nncase made something else of it"
            )
            yield Verdict("compiler", row.name, (line,))
            continue
        lines = [
            f"with exact inputs, the weights of {row.name} keep {_db(error.snr_db)} of its result; "
            f"the middle of all layers is {_db(middle)}, the limit {LEAST_WEIGHTS_DB:.0f} dB"
        ]
        yield Verdict("weights", row.name, (*lines, *_weight_outliers(found.links[row.name])))


def _weight_outliers(link: Link) -> Iterator[str]:
    """Yield which channels make the steps of the weights too coarse for the others."""
    if link.weights is None:
        return
    weights = np.abs(link.weights.weights)
    for axis, what in ((0, "output"), (1, "input")):
        largest = weights.max(tuple(n for n in range(4) if n != axis))
        middle = float(np.median(largest))
        if len(largest) > 2 and middle and largest.max() > OUTLIER * middle:
            yield (
                f"the weights of {what} channel {int(largest.argmax())} reach "
                f"{largest.max():.3g}, {largest.max() / middle:.0f} times the middle of all "
                f"channels ({middle:.3g}; an outlier from {OUTLIER:.0f} times on): the steps have "
                "to span them"
            )


def _activations(found: Findings) -> Iterator[Verdict]:
    for row in found.rows:
        error = row.alone.get("activations")
        if error is None:
            continue
        channels = found.channel_snr.get((row.name, "activations"), ())
        middle = _middle(channels)
        whole = error.snr_db is not None and error.snr_db < LEAST_SNR_DB
        coarse = middle is not None and len(channels) > 2 and middle < LEAST_CHANNEL_DB
        if whole or coarse:
            line = (
                f"with exact inputs, rounding to codes leaves {row.name} {_db(error.snr_db)} "
                f"(limit {LEAST_SNR_DB:.0f} dB), and its middle channel {_db(middle)} "
                f"(limit {LEAST_CHANNEL_DB:.0f} dB)"
            )
            yield Verdict("activations", row.name, (line, *_range_lines(row)))


def _range_lines(row: LayerRow) -> Iterator[str]:
    facts = row.facts
    if facts.code_range is not None:
        yield (
            f"the codes reach from {facts.code_range[0]:.4g} to {facts.code_range[1]:.4g}, the "
            f"float values from {facts.float_range[0]:.4g} to {facts.float_range[1]:.4g}: "
            f"{facts.clipped:.2%} of them are clipped"
        )
    largest = np.asarray(facts.channel_max)
    middle = float(np.median(largest)) if len(largest) else 0.0
    if middle and largest.max() > OUTLIER * middle:
        yield (
            f"channel {int(largest.argmax())} reaches {largest.max():.4g}, "
            f"{largest.max() / middle:.0f} times the middle of all channels ({middle:.4g}; an "
            f"outlier from {OUTLIER:.0f} times on): the codes have to span it"
        )


def _compiler(found: Findings) -> Iterator[Verdict]:
    for row in found.rows:
        chip, ideal = row.alone.get("kpu"), row.alone.get("activations")
        if chip is None or ideal is None or chip.snr_db is None:
            continue
        before = ideal.snr_db if ideal.snr_db is not None else np.inf
        lost = before - chip.snr_db
        if chip.snr_db < _CHIP_MATTERS_BELOW_DB and lost > MOST_CHIP_LOSS_DB:
            yield Verdict(
                "compiler",
                row.name,
                (
                    f"with exact inputs, {row.name} keeps {_db(chip.snr_db)} on the chip and "
                    f"{_db(ideal.snr_db)} with ideal arithmetic (limit: {MOST_CHIP_LOSS_DB:.0f} dB "
                    f"lost, below {_CHIP_MATTERS_BELOW_DB:.0f} dB)",
                    *_compiler_lines(row, found.links[row.name]),
                ),
            )
    for name, link in found.links.items():
        if link.fit is not None and link.fit.worst > MOST_TABLE_ERROR:
            line = (
                f"the activation table of {name} is up to {link.fit.worst:.1f} codes away from "
                f"its function (limit {MOST_TABLE_ERROR:.0f})"
            )
            yield Verdict("compiler", name, (line,))
    if found.simulators:
        yield Verdict("compiler", "", (found.simulators,))


def _compiler_lines(row: LayerRow, link: Link) -> Iterator[str]:
    kind = link.operation.kind()
    yield f"nncase computes {row.node or row.name} as {kind} of its own arithmetic"


def _board(found: Findings) -> Iterator[Verdict]:
    if found.board is not None and found.board.stage is not None:
        yield Verdict(found.board.stage, found.board.layer, found.board.evidence)


def _together(found: Findings) -> Iterator[Verdict]:
    """Yield the stage in which an output is lost though no layer loses it alone."""
    for name, errors in found.outputs.items():
        for column, stage in _STAGE_OF.items():
            error = errors.get(column)
            if error is None or error.snr_db is None or error.snr_db >= LEAST_OUTPUT_DB:
                continue
            line = (
                f"no layer alone, but all together leave the output {name} {_db(error.snr_db)} in "
                f"column {column} (limit {LEAST_OUTPUT_DB:.0f} dB)"
            )
            yield Verdict(stage, "", (line, *_all_well(found)))


def _all_well(found: Findings) -> Iterator[str]:
    for column, what, limit in (
        ("weights", "weights", LEAST_WEIGHTS_DB),
        ("activations", "roundings to codes", LEAST_SNR_DB),
        ("kpu", "the chip's arithmetic", LEAST_SNR_DB),
    ):
        rows = [row for row in found.rows if column in row.alone]
        known = [row for row in rows if row.alone[column].snr_db is not None]  # type: ignore[index]
        if known:
            worst = min(known, key=lambda row: row.alone[column].snr_db or 0.0)  # type: ignore[index]
            yield (
                f"{what}: the worst layer with exact inputs is {worst.name} with "
                f"{_db(worst.alone[column].snr_db)} (limit {limit:.0f} dB)"  # type: ignore[index]
            )
    for name, errors in found.outputs.items():
        if "kpu" in errors:
            found_db = _db(errors["kpu"].snr_db)
            yield f"output {name}: {found_db} on the chip (limit {LEAST_OUTPUT_DB:.0f} dB)"
    if found.floats is not None:
        yield from found.floats.evidence
    if found.rewrites is not None:
        yield from found.rewrites.evidence
    if found.board is not None:
        yield from found.board.evidence


def _middle(values: object) -> float | None:
    known = [value for value in values if value is not None]  # type: ignore[attr-defined]
    return float(np.median(known)) if known else None


def _db(value: float | None) -> str:
    return "∞ dB" if value is None else f"{value:.1f} dB"


def _numbers(values: Sequence[int]) -> str:
    """Return numbers, neighbours joined: 3-5, 8."""
    spans: list[list[int]] = []
    for value in values:
        if spans and value == spans[-1][1] + 1:
            spans[-1][1] = value
        else:
            spans.append([value, value])
    texts = [str(a) if a == b else f"{a}-{b}" for a, b in spans]
    return ", ".join(texts[:6]) + (", …" if len(texts) > 6 else "")
