"""`--store` of the commands that run something: the run goes there when it is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def check_store(where: str | None) -> None:
    """Find out before hours of work whether the store can be opened; it is made where need be.

    Raises:
        StoreError: It cannot.
    """
    if where is None:
        return
    from harness.store.database import Store

    with Store.open(where, create=True):
        pass


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
