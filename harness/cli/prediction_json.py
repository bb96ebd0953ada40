"""A prediction as JSON: what `k210 predict --json` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.timing import Prediction, StepTime
    from harness.timing.answers import Answer


def document(name: str, found: Prediction, answers: tuple[Answer, ...]) -> dict[str, Any]:
    """Return everything that is predicted."""
    return {
        "file": name,
        "version": found.version,
        "board": found.board.name,
        "clocks_hz": {"cpu": found.clocks.cpu_hz, "kpu": found.clocks.kpu_hz},
        "constants": found.law.origin,
        "layers": [_step(found, step) for step in found.steps],
        "totals": totals(found),
        "costliest": [step.name for step in found.costliest],
        "what_if": [
            {"question": one.question, "totals": totals(one.prediction)} for one in answers
        ],
    }


def totals(found: Prediction) -> dict[str, Any]:
    """Return the sums of a prediction, with their intervals."""
    return {
        "ms": found.ms,
        "interval_ms": list(found.interval_ms),
        "fps": found.fps,
        "kpu_ms": found.kpu_ms,
        "kpu_compute_ms": found.compute_ms,
        "cpu_ms": found.cpu_ms,
        "transfer_ms": found.move_ms,
        "loop_ms": found.loop_ms,
        "loop_interval_ms": list(found.loop_interval_ms),
        "loop_fps": 1000 / found.loop_ms,
    }


def _step(found: Prediction, step: StepTime) -> dict[str, Any]:
    return {
        "name": step.name,
        "operation": step.step.kind,
        "unit": step.step.unit,
        "ms": step.ms,
        "interval_ms": list(found.step_interval_ms(step)),
        "kpu_ms": step.kpu_ms,
        "cpu_ms": step.cpu_ms,
        "transfer_ms": step.move_ms,
    }
