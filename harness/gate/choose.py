"""Which run a gate holds another against: a name that was signed off, a run, or found by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.errors import GateError, StoreError
from harness.gate.side import Side, from_folder, from_store, is_folder
from harness.store import baselines, reading
from harness.store.database import Store
from harness.store.reading import RunLine

AUTO = "auto"
MAX_EARLIER = 50


class NoBaselineError(GateError):
    """There is nothing yet to hold a run against."""


@dataclass(frozen=True)
class Chosen:
    """A baseline.

    Attributes:
        side: The run.
        how: How it was chosen, in words.
    """

    side: Side
    how: str


def run_side(store: Store | None, run: str) -> Side:
    """Return the run to judge: a folder, or a run of the store.

    Raises:
        RunFolderError: The folder is no run.
        GateError: It is no folder, and there is no store.
        StoreError: The store has no such run.
    """
    if is_folder(run):
        return from_folder(Path(run))
    if store is None:
        raise GateError(f"{run} is no folder, and there is no store", "name a run folder")
    return from_store(store, run)


def choose(store: Store | None, baseline: str, run: Side) -> Chosen:
    """Return what to hold a run against.

    Args:
        store: Where runs and names are kept; None where there is none.
        baseline: A run folder, a name that was signed off, a run of the store, or `auto`: the
            newest sign-off for the method over the same data, else the newest run that passed.
        run: The run.

    Raises:
        NoBaselineError: `auto` finds none.
        GateError: There is no store to look in.
        StoreError: Neither a name nor a run.
    """
    if baseline != AUTO and is_folder(baseline):
        return Chosen(from_folder(Path(baseline)), f"named: {baseline}")
    if store is None:
        raise GateError(
            f"there is no store in which to look for the baseline {baseline!r}",
            "name a run folder, or give --store",
        )
    if baseline == AUTO:
        return _auto(store, run)
    try:
        signed = baselines.named(store, baseline)
    except StoreError as no_name:
        try:
            return Chosen(from_store(store, baseline), "named")
        except StoreError:
            raise no_name from None
    words = f"baseline {signed.name}, signed off by {signed.who}: {signed.why}"
    return Chosen(from_store(store, signed.run_id), words)


def earlier_runs(store: Store | None, run: Side) -> list[RunLine]:
    """Return the runs of the same method over the same data before a run, oldest first."""
    if store is None or run.items is None:
        return []
    report, data_set = run.report, run.items.fingerprint
    return [
        line
        for line in reading.runs(store, report.method)
        if line.data_set == data_set
        and line.created <= report.created
        and line.run_id != report.run_id
    ][-MAX_EARLIER:]


def _auto(store: Store, run: Side) -> Chosen:
    earlier = earlier_runs(store, run)
    known = {line.run_id for line in earlier}
    for signed in reversed(baselines.history(store)):
        if signed.run_id in known and baselines.named(store, signed.name).run_id == signed.run_id:
            words = f"auto: baseline {signed.name}, signed off by {signed.who}: {signed.why}"
            return Chosen(from_store(store, signed.run_id), words)
    # A run that a gate found worse does not become the measure of the next one by itself.
    passed = [line for line in earlier if line.verdict == "pass" and line.gate != "fail"]
    if not passed:
        raise NoBaselineError(
            f"the store has no earlier run of {run.report.method} over the same data that passed",
            "sign one off with k210 baseline set, or name a run",
        )
    return Chosen(from_store(store, passed[-1].run_id), "auto: the newest run before that passed")
