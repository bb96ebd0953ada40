"""What a check found, on the screen and as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.cli.console import print_json, show_line, show_table

if TYPE_CHECKING:
    from rich.table import Table

    from harness.compiler.legalise import Rewrite
    from harness.pipeline.check import Check, Fit, Layer, Measures

_MOST_TEXT = 200
_COLOURS = {"KPU": "green", "CPU": "yellow", "KPU + CPU": "yellow", "fused": "dim"}


def show_rewrites(as_json: bool) -> None:
    """Print what the legaliser can do."""
    from harness.compiler.legalise import REWRITES

    if as_json:
        print_json({"rewrites": [_rewrite(one) for one in REWRITES]})
        return
    from rich.table import Table

    table = Table(title="--legalise NAME=MODE")
    for column in ("name", "about", "mode", "what it does"):
        table.add_column(column)
    for rewrite in REWRITES:
        for place, (mode, what) in enumerate(rewrite.modes.items()):
            first = (rewrite.name, rewrite.title) if place == 0 else ("", "")
            mark = " (default)" if mode == rewrite.default else ""
            table.add_row(*first, f"{mode}{mark}", what)
    show_table(table)


def _rewrite(rewrite: Rewrite) -> dict[str, Any]:
    return {
        "name": rewrite.name,
        "about": rewrite.title,
        "modes": dict(rewrite.modes),
        "default": rewrite.default,
    }


def show(found: Check, passed: bool, least: float | None, as_json: bool) -> None:
    """Print a check.

    Args:
        found: What to print.
        passed: Whether it is good enough.
        least: Share of the multiply-accumulates on the KPU that was asked for; None for all layers.
        as_json: Whether as one document.
    """
    if as_json:
        print_json(document(found, passed))
        return
    if found.measures is None:
        for line in found.too_large:
            show_line(line, "too large", "red")
    else:
        show_table(_layers(found))
        show_table(_fits(found))
        _facts(found)
    verdict = ("yes", "green") if passed else ("no", "red")
    show_line(_verdict(found, passed, least), *verdict)


def document(found: Check, passed: bool) -> dict[str, Any]:
    """Return what `k210 check --json` prints."""
    measures = found.measures
    return {
        "model": found.name,
        "passed": passed,
        "layers": [{**asdict(layer), "units": layer.units} for layer in found.layers],
        "offers": [asdict(offer) for offer in found.offers],
        "too_large": list(found.too_large),
        "kpu_share": measures and measures.kpu_share,
        "macs": measures and measures.macs,
        "kpu_bytes": measures and measures.kpu_bytes,
        "main_bytes": measures and measures.main_bytes,
        "kmodel_bytes": found.compiled and len(found.compiled.kmodel),
        "prediction": measures and _prediction(found),
        "firmwares": [_fit(fit) for fit in found.fits],
        "calibrated_with_noise": found.noise,
        "not_finite": list(found.not_finite),
    }


def _prediction(found: Check) -> dict[str, Any] | None:
    if found.measures is None:
        return None
    one = found.measures.prediction
    return {
        "ms": one.ms,
        "interval_ms": list(one.interval_ms),
        "kpu_ms": one.kpu_ms,
        "cpu_ms": one.cpu_ms,
        "move_ms": one.move_ms,
        "fps": one.fps,
    }


def _fit(fit: Fit) -> dict[str, Any]:
    budget = fit.budget
    return {
        "firmware": fit.firmware.name,
        "version": fit.version,
        "runs": not fit.refusal,
        "needs_bytes": budget and budget.heap,
        "has_bytes": fit.firmware.heap,
        "refusal": fit.refusal,
    }


def _layers(found: Check) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(f"{found.name}: layers"))
    for column in ("layer", "kind", "runs on", "why not on the KPU", "rewritten into"):
        table.add_column(column)
    for layer in found.layers:
        table.add_row(
            Text(layer.name),
            Text(layer.kind),
            Text(layer.units, _COLOURS[layer.units]),
            Text(_reasons(layer)),
            Text("; ".join(one.becomes for one in layer.rewrites)),
        )
    return table


def _reasons(layer: Layer) -> str:
    kinds = ", ".join(dict.fromkeys(layer.cpu))
    return f"{kinds}: {'; '.join(layer.reasons)}" if layer.cpu else ""


def _fits(found: Check) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="stock firmware")
    for column in ("firmware", "kmodel", "needs KiB", "has KiB", ""):
        table.add_column(column, justify="right" if "KiB" in column else "left")
    for fit in found.fits:
        needs = f"{fit.budget.heap / 1024:.0f}" if fit.budget else ""
        verdict = Text(_short(fit.refusal), "yellow") if fit.refusal else Text("runs", "green")
        has = f"{fit.firmware.heap / 1024:.0f}"
        table.add_row(fit.firmware.name, f"v{fit.version}", needs, has, verdict)
    return table


def _short(text: str) -> str:
    """Return the beginning of a long reason; --json has all of it."""
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT].rsplit(' ', 1)[0]} …"


def _facts(found: Check) -> None:
    from harness.kmodel.memory import KPU_BYTES

    assert found.measures is not None
    one, time = found.measures, found.measures.prediction
    share = f"{_percent(one.kpu_share)} of {one.macs / 1e6:.3g} M multiply-accumulates on the KPU"
    show_line(
        f"{share if one.macs else 'nothing is multiplied'}; "
        f"{len(found.on_cpu)} of {len(found.layers)} layers need the CPU"
    )
    show_line(
        f"KPU memory {one.kpu_bytes / 1024:.0f} of {KPU_BYTES // 1024} KiB; main memory "
        f"{one.main_bytes / 1024:.0f} KiB for tensors"
    )
    low, high = time.interval_ms
    show_line(
        f"predicted, not measured: {time.ms:.1f} ms, between {low:.1f} and {high:.1f} (KPU "
        f"{time.kpu_ms:.1f}, CPU {time.cpu_ms:.1f}, moving data {time.move_ms:.1f}) with kmodel v5"
    )
    for layer in found.layers:
        for applied in layer.rewrites:
            cost = f"; costs {applied.cost}" if applied.cost else ""
            show_line(f"{layer.name}: {applied.why}{cost}", "rewritten", "cyan")
    for offer in found.offers:
        cost = f" (costs {offer.cost})" if offer.cost else ""
        show_line(
            f"--legalise {offer.request}: {', '.join(offer.layers)} → {offer.becomes}{cost}",
            "possible",
            "cyan",
        )
    for line in found.not_finite:
        show_line(line, "no numbers", "red")
    if found.noise:
        show_line(
            "quantised with noise: places and times hold, accuracy is not told", "note", "dim"
        )


def _percent(share: float) -> str:
    """Return a share in percent, of which 100 means all."""
    return f"{math.floor(share * 1000) / 10:.1f}%"


def _verdict(found: Check, passed: bool, least: float | None) -> str:
    if found.measures is None:
        return "the model does not fit the KPU's 2 MiB: use fewer channels or a smaller picture"
    if found.not_finite:
        return "weights are no numbers: train again, or mend them"
    if not found.loads and len(found.fits) == 1:
        return f"{found.fits[0].firmware.name} cannot run it: {found.fits[0].refusal}"
    if not found.loads:
        return "no stock firmware can run it"
    if not found.on_kpu and not found.on_cpu:
        return "it computes nothing, so there is nothing for the KPU"
    if not found.on_cpu:
        return "all of it runs on the KPU, and stock firmware has room for it"
    names = ", ".join(f"{layer.name} ({layer.kind})" for layer in found.on_cpu)
    if passed:
        return f"enough of it runs on the KPU, but not {names}"
    return f"{_short_of(found.measures, least)}: {names}"


def _short_of(measures: Measures, least: float | None) -> str:
    if least is not None:
        return (
            f"{least:.1%} of the multiply-accumulates are wanted on the KPU; these fall to the CPU"
        )
    if not measures.kpu_share:
        return "these fall to the CPU"
    left = 1 - math.floor(measures.kpu_share * 1000) / 1000
    allowed = f"--kpu-share {1 - left:g} lets them"
    return f"these fall to the CPU ({left:.1%} of the multiply-accumulates; {allowed})"
