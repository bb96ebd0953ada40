import numpy as np
import pytest

from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / "fixtures" / "kmodels"
V5 = sorted(path.stem for path in FOLDER.glob("*.kmodel"))


@pytest.fixture(scope="session")
def kmodels():
    """The folder of kmodels that ship with the repository."""
    return FOLDER


@pytest.fixture(scope="session")
def single_layers():
    return np.load(FOLDER / "single_layer_fuzz_v4.npz")


@pytest.fixture(scope="session")
def single_operations():
    return np.load(FOLDER / "single_op_v4.npz")


@pytest.fixture(scope="session")
def third_party(shared):
    """Return the third-party kmodels by name."""
    return {path.name: path for path in (shared / "kmodels").glob("*.kmodel")}
