"""The worker reproduces outputs that nncase 1.9 gave elsewhere, to the bit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.sim

SHARED = Path(os.environ.get("K210_SHARED") or Path(__file__).parents[4] / "shared")
KMODELS = sorted((SHARED / "golden" / "v5").glob("*.kmodel"))
# Its softmax approximates exp, so that the last bits depend on the machine.
ATOL = {"acts": 1e-6}


@pytest.mark.skipif(not KMODELS, reason=f"no golden kmodels in {SHARED}; set K210_SHARED")
@pytest.mark.parametrize("path", KMODELS, ids=lambda path: path.stem)
def test_golden(worker, path):
    golden = np.load(path.with_suffix(".npz"))
    result = worker.simulate(path.read_bytes(), golden["input_0"])
    expected = golden["output_0"]
    assert result.outputs[0].dtype == expected.dtype
    np.testing.assert_allclose(result.outputs[0], expected, rtol=0, atol=ATOL.get(path.stem, 0))
