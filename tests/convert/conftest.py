from tests.conftest import REPOSITORY

KMODELS = REPOSITORY / "fixtures" / "kmodels"
V5 = sorted(path.stem for path in KMODELS.glob("*.kmodel"))
