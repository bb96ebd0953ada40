"""Whose fault a failure is: a flaky link is another thing than a model that became worse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

PROPERTY = "k210_cause"
LINK = "link"


def mark(item: pytest.Item, report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
    """Write the cause of a failure into its report, and into the item's, which JUnit XML takes."""
    if report.failed and call.excinfo is not None and is_link(call.excinfo.value):
        for properties in (report.user_properties, item.user_properties):
            properties.append((PROPERTY, LINK))


def link_errors() -> tuple[type[BaseException], ...]:
    """Return what failures of the line to the board, or of a board that is gone, are."""
    from harness.errors import BoardError

    try:
        from serial import SerialException
    except ImportError:
        return (BoardError,)
    return BoardError, SerialException


def is_link(error: BaseException | None) -> bool:
    """Return whether a failure comes of one of these, such as a fixture that got no board."""
    errors = link_errors()
    while error is not None:
        if isinstance(error, errors):
            return True
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return False


def summary(reporter: pytest.TerminalReporter) -> Iterator[str]:
    """Yield a line that tells failures of the link from all others."""
    failed = [*reporter.stats.get("failed", ()), *reporter.stats.get("error", ())]
    link = [one for one in failed if (PROPERTY, LINK) in getattr(one, "user_properties", ())]
    if link:
        names = ", ".join(one.nodeid for one in link)
        yield f"k210: {len(link)} of {len(failed)} failures are of the link to the board: {names}"
