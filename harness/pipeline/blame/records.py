"""What blame found as `report.json` and `blame.json` keep it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.blame.result import Blame
from harness.files import write_json
from harness.pipeline.folder import MARKER, RunFolder
from harness.report.html import write_html
from harness.report.schema import (
    BLAME_FILE,
    BlameRecord,
    HintRecord,
    LayerErrorRecord,
    LayerRecord,
    Report,
)


def write_blame(blame: Blame, run: Path, report: Report | None) -> None:
    """Write `blame.json`, and the run's report anew with what was found."""
    with _writing(run):
        if report is not None:
            told = report.model_copy(
                update={"layers": layer_records(blame), "blame": blame_record(blame)}
            )
            write_html(told, run)
            told.write(run)
        write_json(run / BLAME_FILE, document(blame))


@contextmanager
def _writing(run: Path) -> Iterator[None]:
    with RunFolder.claim(run) if (run / MARKER).is_file() else nullcontext():
        yield


def document(blame: Blame) -> dict[str, Any]:
    """Return the content of `blame.json`."""
    record = blame_record(blame)
    layers = [json.loads(one.model_dump_json()) for one in layer_records(blame)]
    told = dict(json.loads(record.model_dump_json()))
    return {"schema": 1, "run": blame.run, **told, "layers": layers}


def blame_record(blame: Blame) -> BlameRecord:
    """Return the verdict as reports keep it."""
    return BlameRecord(
        images=blame.images,
        stage=blame.verdict.stage,
        layer=blame.verdict.layer,
        evidence=blame.verdict.evidence,
        costliest=blame.costliest,
        hints=tuple(HintRecord(**asdict(hint)) for hint in blame.hints),
        outputs={name: _errors(errors) for name, errors in blame.outputs.items()},
        seconds={part: round(spent, 3) for part, spent in blame.seconds.items()},
    )


def layer_records(blame: Blame) -> tuple[LayerRecord, ...]:
    """Return the rows as reports keep them."""
    return tuple(
        LayerRecord(
            layer=row.name,
            module=row.module,
            node=row.node,
            unit=row.unit,
            remark=row.remark,
            accumulated=_errors(row.accumulated),
            alone=_errors(row.alone),
        )
        for row in blame.rows
    )


def _errors(errors: Mapping[Any, Any]) -> dict[str, LayerErrorRecord]:
    return {column: LayerErrorRecord(**asdict(error)) for column, error in errors.items()}
