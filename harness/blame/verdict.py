"""The first stage that diverges, with the numbers that say so.

What is simply wrong comes first, in the order in which data pass it: the float model, the input
contract, the file. Then comes what quantisation costs (`harness.blame.losses`): the stage is named
that costs most, and none where a tolerance of the method's own is known and holds.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.blame.contract_check import AGREES_DB
from harness.blame.findings import Findings
from harness.blame.losses import LEAST_OUTPUT_DB, cost_lines, layer_losses, outputs_verdict
from harness.blame.parameters import Damage
from harness.blame.result import Verdict
from harness.blame.wording import among, between, count, db, output_name

# So many breaches of the compiler's law are told.
_SHOWN = 3


def judge(found: Findings) -> Verdict:
    """Return the first stage that diverges, in the order in which data pass them."""
    model = (_not_finite, _edited, _floats, _contract, _rewritten)
    file = (_foreign, _breached, _damaged, _changed)
    for stage in (*model, *file, _lossy, _simulators, _board, _together):
        for verdict in stage(found):
            return verdict
    return Verdict("none", "", tuple(_all_well(found)), held=found.holds)


def _not_finite(found: Findings) -> Iterator[Verdict]:
    wrong = found.not_finite
    if wrong is not None:
        named = (row.name for row in found.rows if wrong.node in row.node.split(", "))
        line = f"the float model itself is at fault: {wrong.text}"
        yield Verdict("float model", next(named, ""), (line,), spoilt=True)


def _edited(found: Findings) -> Iterator[Verdict]:
    if found.edits:
        yield Verdict("input contract", "", tuple(found.edits), spoilt=True)


def _floats(found: Findings) -> Iterator[Verdict]:
    if found.floats is not None and found.floats.stage is not None:
        yield Verdict(found.floats.stage, "", found.floats.evidence, spoilt=True)


def _contract(found: Findings) -> Iterator[Verdict]:
    finding = found.contract
    if finding is not None:
        agreement = (
            f"with the picture as the contract says, {finding.layer} agrees to "
            f"{finding.as_is_db:.1f} dB with the float model; so to {finding.best_db:.1f} dB "
            f"(limit {AGREES_DB:.0f} dB)"
        )
        yield Verdict("input contract", finding.layer, (finding.hypothesis, agreement), spoilt=True)


def _rewritten(found: Findings) -> Iterator[Verdict]:
    if not found.holds and found.rewrites is not None and found.rewrites.stage is not None:
        yield Verdict(found.rewrites.stage, "", found.rewrites.evidence)


def _foreign(found: Findings) -> Iterator[Verdict]:
    if found.foreign:
        line = (
            "the kmodel is of another network, or of other weights, than model.onnx: "
            f"{'; '.join(found.foreign)}"
        )
        yield Verdict("file", "", (line,), spoilt=True)


def _damaged(found: Findings) -> Iterator[Verdict]:
    for damage in found.damages:
        lines = tuple(_damage_lines(damage, found))
        yield Verdict("weights", damage.layer, lines, spoilt=True)


def _damage_lines(damage: Damage, found: Findings) -> Iterator[str]:
    where = among(damage.channels, damage.total, "channel")
    if damage.what == "weights":
        differ = "is" if damage.count == 1 else "are"
        yield (
            f"{count(damage.count, 'weight')} of {damage.layer} {differ} not what quantising the "
            f"float weights gives (by up to {damage.worst:.0f} codes; 1 is rounding): {where}, "
            f"{between(damage.start, damage.stop)} of the file"
        )
    else:
        yield (
            f"the {damage.what} of {damage.layer} are not those of the float model, by up to "
            f"{damage.worst:.2g} of the largest: {where}"
        )
    row = found.row(damage.layer)
    if row is not None and row.alone.get("weights"):
        yield f"with exact inputs the layer's weights keep {db(row.alone['weights'].snr_db)}"
    others = [one.layer for one in found.damages if one.layer != damage.layer]
    if others:
        yield f"more layers differ: {', '.join(dict.fromkeys(others))}"


def _breached(found: Findings) -> Iterator[Verdict]:
    if found.breaches:
        first = found.breaches[0]
        lines = [f"{one.layer}: {one.text}" for one in found.breaches[:_SHOWN]]
        if len(found.breaches) > _SHOWN:
            lines.append(f"and {len(found.breaches) - _SHOWN} more like these")
        told = "nncase would have written other bytes: the file is damaged"
        yield Verdict("file", first.layer, (told, *lines), spoilt=True)


def _changed(found: Findings) -> Iterator[Verdict]:
    if found.changed:
        line = "the file is not the one that the run measured"
        yield Verdict("file", "", (line, found.changed), spoilt=True)


def _lossy(found: Findings) -> Iterator[Verdict]:
    if found.holds:
        return
    for loss in layer_losses(found):
        verdict = loss.verdict
        lines = (*verdict.evidence, *list(cost_lines(found))[:1])
        yield Verdict(verdict.stage, verdict.layer, lines)


def _simulators(found: Findings) -> Iterator[Verdict]:
    if found.simulators:
        yield Verdict("compiler", "", (found.simulators,))


def _board(found: Findings) -> Iterator[Verdict]:
    if found.board is not None and found.board.stage is not None:
        yield Verdict(found.board.stage, found.board.layer, found.board.evidence)


def _together(found: Findings) -> Iterator[Verdict]:
    verdict = outputs_verdict(found)
    if verdict is not None:
        yield verdict


def _all_well(found: Findings) -> Iterator[str]:
    asked = {one.output: one for one in found.asked if one.own}
    for name, errors in found.outputs.items():
        if name in asked:
            yield asked[name].text
        elif "kpu" in errors:
            kept = db(errors["kpu"].snr_db)
            which = output_name(name, len(found.outputs))
            yield f"{which} keeps {kept} on the chip (limit {LEAST_OUTPUT_DB:.0f} dB)"
    yield from cost_lines(found)
    if found.holds:
        for loss in layer_losses(found)[:1]:
            yield f"the tolerance bears a layer below blame's own limit: {loss.verdict.evidence[0]}"
    if found.floats is not None:
        yield from found.floats.evidence
    if found.rewrites is not None:
        yield from found.rewrites.evidence
    if found.board is not None:
        yield from found.board.evidence
