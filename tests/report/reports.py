"""Reports as runs leave them, and variations on them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harness.report.schema import (
    BackendRecord,
    ComparisonRecord,
    CrossValidationRecord,
    DataRecord,
    DisagreementRecord,
    LatencyRecord,
    OperationRecord,
    Report,
)

COINS = ("10c", "1e", "20c", "50c", "5c")

CONTRACT: dict[str, Any] = {
    "schema": 1,
    "name": "coin_classifier",
    "input": {
        "dtype": "uint8",
        "layout": "NCHW",
        "shape": [3, 128, 128],
        "color": "RGB",
        "range": [0.0, 1.0],
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "resize": "center_crop",
    },
    "outputs": [{"name": "logits", "shape": [1, 5]}],
    "kmodel_sha256": "3f" * 32,
    "weights_sha256": "a7" * 32,
    "compiler": "nncase 1.9.0.20230322",
    "calibration": {"method": "no_clip", "images": 64, "sha256": "c1" * 32},
    "seeds": {"training": 0, "sampling": 1},
}


def comparison(**changes: Any) -> ComparisonRecord:
    """One output within tolerance."""
    values: dict[str, Any] = {
        "reference": "float",
        "candidate": "nncase",
        "output": "logits",
        "cosine": 0.998712345,
        "max_abs": 0.912345,
        "mean_abs": 0.112345,
        "snr_db": 25.9321,
        "rmse": 0.154321,
        "top1_agreement": 0.9875,
        "worst_item": "valid/50c/032.jpg",
        "worst_cosine": 0.96123,
        "within_tolerance": True,
        "tolerance": {"cosine": 0.99, "top1_agreement": 0.97},
        "tolerance_that_would_pass": {},
    }
    return ComparisonRecord(**(values | changes))


def broken_comparison() -> ComparisonRecord:
    return comparison(
        cosine=0.941234,
        top1_agreement=0.88,
        within_tolerance=False,
        tolerance_that_would_pass={"cosine": 0.9412, "top1_agreement": 0.88},
    )


def backend(confusion: tuple[tuple[int, ...], ...] | None, scale: float = 1.0) -> BackendRecord:
    hits = sum(row[index] for index, row in enumerate(confusion)) if confusion else 0
    total = sum(map(sum, confusion)) if confusion else 1
    return BackendRecord(
        metrics={"accuracy": hits / total} if confusion else {},
        latency_ms=LatencyRecord(p50=3.21 * scale, p95=4.05 * scale, p99=7.8 * scale, n=399),
        environment={"torch": "2.13.0", "threads": "2"} if scale == 1 else {"nncase": "1.9.0"},
        confusion=confusion,
    )


def confusion(classes: int, seed: int, a_class: int = 80) -> tuple[tuple[int, ...], ...]:
    """A good classifier's matrix, with the odd mistake."""
    generator = np.random.default_rng(seed)
    chances = np.full((classes, classes), 0.04 / classes) + np.eye(classes) * 0.96
    rows = [generator.multinomial(a_class, row / row.sum()) for row in chances]
    return tuple(tuple(int(count) for count in row) for row in rows)


def operations() -> tuple[OperationRecord, ...]:
    """Those of a MobileNet with its classifier on the CPU."""
    made = [_operation("/stem", "Quantize", "CPU", True), _operation("/stem", "KPUUpload", "CPU")]
    for index in range(1, 14):
        made.append(_operation(f"/blocks.{index}/depthwise/Conv", "KPUConv2D", "KPU"))
        made.append(_operation(f"/blocks.{index}/pointwise/Conv", "KPUConv2D", "KPU"))
    made.append(_operation("/pool/ReduceMean", "Reduce", "CPU", reason="no global mean on the KPU"))
    made.append(
        _operation("/head/Gemm", "MatMul", "CPU", reason="matrix product, not a convolution")
    )
    made.append(_operation("/head/Gemm", "Dequantize", "CPU", True))
    return tuple(made)


def _operation(
    layer: str, operation: str, unit: Any, inserted: bool | None = None, reason: str = ""
) -> OperationRecord:
    moved = operation.startswith("KPUUp") if inserted is None else inserted
    return OperationRecord(
        layer=layer,
        operation=operation,
        unit=unit,
        shape=(1, 64, 16, 16),
        inserted=moved,
        reason=reason,
    )


def disagreement(index: int, picture: str | None = None, **changes: Any) -> DisagreementRecord:
    values: dict[str, Any] = {
        "id": f"valid/50c/{index:03d}.jpg",
        "label": "50c",
        "predictions": {"float": "50c", "nncase": "20c"},
        "picture": picture,
    }
    return DisagreementRecord(**(values | changes))


def cross_validation() -> CrossValidationRecord:
    return CrossValidationRecord(
        folds=5,
        items=400,
        accuracy={"float": 0.955, "nncase": 0.9525},
        intervals={"float": (0.9302, 0.9712), "nncase": (0.9273, 0.9692)},
        fold_accuracy={
            "float": (0.9625, 0.95, 0.975, 0.9375, 0.95),
            "nncase": (0.9625, 0.9375, 0.975, 0.9375, 0.95),
        },
        comparisons=(comparison(),),
    )


def report(**changes: Any) -> Report:
    """A passing run of the coin classifier, with everything that a run can have."""
    values: dict[str, Any] = {
        "schema": 1,
        "method": "coin_classifier",
        "run_id": "coins-1f2e3d4c",
        "created": "2026-03-02T14:05:09+00:00",
        "environment": {"k210-harness": "0.1.0", "python": "3.11.9", "cores": "2"},
        "contract": CONTRACT,
        "data": DataRecord(
            source="euro_coins",
            items=400,
            classes=COINS,
            warnings=("2 near-duplicate pictures across the split: 5c/001.jpg, 5c/034.jpg",),
        ),
        "backends": {
            "float": backend(confusion(5, 1)),
            "nncase": backend(confusion(5, 2), scale=13.7),
        },
        "comparisons": (comparison(),),
        "operations": operations(),
        "disagreements": tuple(disagreement(index) for index in range(3)),
        "cross_validation": cross_validation(),
        "artefacts": {"accuracy and loss": "training/curves.png", "SD card": "sd_card.zip"},
        "verdict": "pass",
    }
    return Report(**(values | changes))


def failing_report(**changes: Any) -> Report:
    return report(**({"comparisons": (broken_comparison(),), "verdict": "fail"} | changes))


def image_report(**changes: Any) -> Report:
    """A run of an image-to-image method: no classes, no labels, no accuracy."""
    values: dict[str, Any] = {
        "method": "content_transfer",
        "data": DataRecord(source="frames", items=12),
        "backends": {"float": backend(None), "nncase": backend(None, scale=20)},
        "comparisons": (
            comparison(output="image", top1_agreement=None, tolerance={"snr_db": 20.0}),
            comparison(output="mask", top1_agreement=None, within_tolerance=None, tolerance={}),
        ),
        "disagreements": (),
        "cross_validation": None,
        "artefacts": {},
    }
    return report(**(values | changes))


def photograph(seed: int, side: int = 128) -> bytes:
    """PNG bytes of a picture that compresses as badly as a photograph."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (8, 8, 3), np.uint8)
    smooth = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    noisy = np.asarray(smooth, np.int16) + generator.integers(-12, 13, (side, side, 3))
    buffer = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def write(folder: Path, path: str, data: bytes) -> str:
    """Put a file into a run folder and return the path that a report would name."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return path
