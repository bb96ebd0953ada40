"""JSON Lines: one object a run, with all that `report.json` says and the hashes of its files."""

from __future__ import annotations

import json
from collections.abc import Iterator

from harness.store import reading
from harness.store.database import Store


def lines(store: Store, method: str | None = None) -> Iterator[str]:
    """Yield a line a run, oldest first, without line ends.

    Args:
        store: Where from.
        method: Only its runs, where it is named.
    """
    for line in reading.runs(store, method):
        document = reading.report(store, line.run_id).document()
        document["data_set"] = line.data_set
        document["files"] = {
            name: {"sha256": sha256, "size": size}
            for name, (sha256, size) in reading.artefacts(store, line.run_id).items()
        }
        yield json.dumps(document, ensure_ascii=False, allow_nan=False)
