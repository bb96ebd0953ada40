"""A kmodel as JSON: what `k210 inspect --json` prints."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.kmodel import Buffer, Port, Program
    from harness.kmodel.summary import LayerSummary
    from harness.timing import Prediction


def document(name: str, program: Program, prediction: Prediction) -> dict[str, Any]:
    """Return everything that is known of a kmodel.

    Args:
        name: Name of the file.
        program: Its program.
        prediction: Its times.
    """
    from harness.kmodel.firmware import loaders
    from harness.kmodel.summary import layers, totals

    summaries = layers(program)
    return {
        "file": name,
        "version": program.version,
        "nncase": program.group,
        "nncase_candidates": list(program.candidates),
        "firmware": list(loaders(program)),
        "inputs": [_port(port) for port in program.inputs],
        "outputs": [_port(port) for port in program.outputs],
        "pools": {pool.name: pool.size for pool in program.pools if pool.name != "file"},
        "layers": [_layer(summary, program, prediction) for summary in summaries],
        "totals": {
            **asdict(totals(program, summaries)),
            "trailing_bytes": len(program.data) - program.consumed,
            "kpu_clock_hz": prediction.clocks.kpu_hz,
            "kpu_ms": prediction.kpu_ms,
            "kpu_compute_ms": prediction.compute_ms,
            "ms": prediction.ms,
        },
    }


def _port(port: Port) -> dict[str, Any]:
    return {"name": port.name, **_buffer(port.buffer)}


def _buffer(buffer: Buffer) -> dict[str, Any]:
    return {
        "dtype": buffer.dtype.value,
        "shape": list(buffer.shape),
        "memory": buffer.memory.value,
        "pool": buffer.pool.name,
        "offset": buffer.offset,
        "bytes": buffer.nbytes,
        "strides": list(buffer.strides),
    }


def _layer(summary: LayerSummary, program: Program, prediction: Prediction) -> dict[str, Any]:
    from harness.kmodel.operations import KpuConv2d

    operation = program.operation(summary.name)
    time = prediction.of(summary.name)
    found: dict[str, Any] = {
        "name": summary.name,
        "operation": summary.kind,
        "unit": summary.unit,
        "kernel": summary.kernel,
        "stride": summary.stride,
        "pooling": summary.pooling,
        "inputs": [_buffer(buffer) for buffer in operation.inputs],
        "outputs": [_buffer(buffer) for buffer in operation.outputs],
        "macs_nominal": summary.work.nominal,
        "macs_executed": summary.work.executed,
        "weight_bytes": summary.work.weight_bytes,
        "kpu_reads": summary.reads_kpu,
        "kpu_writes": summary.writes_kpu,
        "ms": time.ms if time else None,
    }
    if isinstance(operation, KpuConv2d):
        found["registers"] = asdict(operation.registers)
    return found
