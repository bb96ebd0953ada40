"""`--store` of the commands that run something: the run goes there when it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from harness.progress import Progress


@contextmanager
def progress_of(where: str | None, folder: Path, method: str) -> Iterator[Progress]:
    """Show progress on the terminal, and in a store for those who watch from elsewhere.

    Raises:
        StoreError: The store cannot be opened; that is found out before hours of work.
    """
    from harness.cli.console import TerminalProgress

    if where is None:
        yield TerminalProgress()
        return
    from harness.store.activity import StoredProgress
    from harness.store.database import Store

    with Store.open(where, create=True) as store:
        progress = StoredProgress(store, str(folder.absolute()), method, TerminalProgress())
        try:
            yield progress
        finally:
            progress.close()


def keep(folder: Path, where: str | None) -> None:
    """Put a run folder into a store.

    Raises:
        StoreError: The store does not take it; the folder is whole, and the message says how to
            bring it in later.
    """
    if where is None:
        return
    from harness.errors import StoreError
    from harness.pipeline.gating import keep_run

    try:
        keep_run(folder, where)
    except StoreError as error:
        later = f"the run is whole: k210 store import {folder} --store … brings it in"
        raise StoreError(error.cause, f"{error.remedy}; {later}") from error
