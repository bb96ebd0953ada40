"""What the tests of rewrites share."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from harness.compiler.export import to_onnx
from harness.compiler.legalise import REWRITES, legalise
from harness.method import InputContract

OFF = {rewrite.name: "off" for rewrite in REWRITES}


def run(model: bytes, picture):
    """Run an ONNX model on one picture."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: picture})[0]


def bytes_of(shape, count=4):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def rewritten(module, shape, **modes):
    """Rewrite a module with the named rewrites only; return both models and what was done."""
    before = to_onnx(module.eval(), InputContract(shape, "RGB"), ("y",))
    done = legalise(before, bytes_of(shape), requests={**OFF, **modes})
    return before, done.data, done.applied


def difference(module, shape, **modes):
    """Return the largest difference between both models in relation to the largest value."""
    before, after, applied = rewritten(module, shape, **modes)
    picture = np.random.default_rng(1).normal(size=(1, *shape)).astype(np.float32)
    return apart(run(after, picture), run(before, picture)), applied


def apart(found, expected):
    """Return the largest difference in relation to the largest expected value."""
    assert found.shape == expected.shape
    return np.abs(found - expected).max() / np.abs(expected).max()


@pytest.fixture
def same():
    """Assert that a rewrite keeps the function, and return what it did."""

    def check(module, shape, rewrite, mode):
        error, applied = difference(module, shape, **{rewrite: mode})
        assert error <= 1e-5
        return [one for one in applied if one.rewrite == rewrite]

    return check
