import numpy as np
import pytest

from tests.conftest import REPOSITORY

KMODELS = REPOSITORY / "fixtures" / "kmodels"
V5 = sorted(path.stem for path in KMODELS.glob("*.kmodel"))


@pytest.fixture(scope="session")
def single_layers():
    return np.load(KMODELS / "single_layer_fuzz_v4.npz")


@pytest.fixture(scope="session")
def single_operations():
    return np.load(KMODELS / "single_op_v4.npz")
