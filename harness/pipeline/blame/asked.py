"""What was asked of a run's outputs, and whether they were it."""

from __future__ import annotations

from harness import method as methods
from harness.blame.result import Asked
from harness.compare.comparison import AT_LEAST
from harness.report.schema import ComparisonRecord, Report

# Whose comparison with float says what a run held; the first that there is.
_JUDGED = ("kpu", "nncase", "board")


def asked_of(report: Report | None) -> tuple[Asked, ...]:
    """Return what was asked of the outputs, as the run judged all of its items."""
    if report is None:
        return ()
    own = report.method in methods.available()
    for candidate in _JUDGED:
        judged = [
            one
            for one in report.comparisons
            if (one.reference, one.candidate) == ("float", candidate)
            and one.within_tolerance is not None
        ]
        if judged:
            items = report.data.items
            return tuple(
                Asked(one.output, bool(one.within_tolerance), own, _judgement(one, own, items))
                for one in judged
            )
    return ()


def _judgement(one: ComparisonRecord, own: bool, items: int) -> str:
    """Return in words what was found of an output and what was asked of it."""
    whose = "the method's tolerance" if own else "the tolerance of the run"
    told = [
        f"{name.replace('_', ' ')} {getattr(one, name):.4g} "
        f"({'at least' if name in AT_LEAST else 'at most'} {limit:.4g})"
        for name, limit in one.tolerance.items()
    ]
    sense = "within" if one.within_tolerance else "outside of"
    on = "the run's 1 item" if items == 1 else f"all {items} items of the run"
    return f"output {one.output} is {sense} {whose} on {on}: {', '.join(told)}"
