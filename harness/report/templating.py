"""Pages from templates: what the report and the site's pages share of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.report.extra import report_extra

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")


def environment(folder: Path = TEMPLATES) -> Environment:
    """Return what renders the templates of a folder; a name that is missing is an error.

    Raises:
        HarnessError: The extra `report` is not installed.
    """
    with report_extra():
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
