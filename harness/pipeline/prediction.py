"""What a run's kmodel was predicted to take, beside what a board took."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from harness.backends.base import BackendResult
from harness.compare.latency import summarise
from harness.compiler.build import CompiledModel
from harness.kmodel import load
from harness.pipeline.board_times import board_of_machine
from harness.report.schema import PredictionRecord
from harness.timing import Prediction, predict


def prediction_record(
    compiled: CompiledModel | None, results: Mapping[str, BackendResult]
) -> PredictionRecord | None:
    """Return what was predicted for the kmodel that the board ran.

    Without a board that is the kmodel for stock firmware, or the v5 model where there is none.
    """
    if compiled is None:
        return None
    on_board = next((one for one in results.values() if one.board), None)
    described = dict(on_board.board or {}) if on_board else {}
    board = board_of_machine(described.get("machine", ""))
    found = predict(load(_chosen(compiled, described.get("kmodel", ""))), board=board)
    measured = summarise(on_board.latency_ms) if on_board else None
    return _record(found, measured.p50 if measured else None, described.get("kind"))


def _chosen(compiled: CompiledModel, sent: str) -> bytes:
    stock = compiled.stock.data
    if stock is None:
        return compiled.kmodel
    if sent and hashlib.sha256(stock).hexdigest() not in sent:
        return compiled.kmodel
    return stock


def _record(found: Prediction, measured: float | None, kind: str | None) -> PredictionRecord:
    return PredictionRecord(
        kmodel_version=found.version,
        board=found.board.name,
        cpu_hz=found.clocks.cpu_hz,
        kpu_hz=found.clocks.kpu_hz,
        constants=found.law.origin,
        ms=found.ms,
        interval_ms=found.interval_ms,
        kpu_ms=found.kpu_ms,
        cpu_ms=found.cpu_ms,
        transfer_ms=found.move_ms,
        fps=found.fps,
        loop_fps=1000 / found.loop_ms,
        layers_ms={step.name: step.ms for step in found.steps},
        measured_ms=measured,
        measured_on=kind,
    )
