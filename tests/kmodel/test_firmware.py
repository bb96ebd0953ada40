"""Which firmware loads which version, as the makers' pages have it."""

from dataclasses import replace

import pytest

from harness.errors import UsageError
from harness.kmodel import load
from harness.kmodel.firmware import FIRMWARES, firmware_named, loaders
from tests.kmodel.conftest import FOLDER


def test_version_4_needs_a_full_build_of_maixpy_0_5_or_canmv():
    """MaixPy's `Kconfig` has v4 from 0.5.1 on as an option that minimum builds leave out."""
    loads_4 = {name for name, firmware in FIRMWARES.items() if 4 in firmware.versions}
    assert loads_4 == {"maixpy-0.5", "maixpy-0.6", "canmv-1.0"}
    for firmware in FIRMWARES.values():
        assert firmware.versions in ((3,), (3, 4))
        assert 1024**2 < firmware.heap <= 6 * 1024**2
        assert firmware.most_file == 10 * 1024**2


def test_what_loads_a_file_is_said_by_its_version():
    program = load(FOLDER / "acts.kmodel")
    for version, names in ((3, ("every build", "CanMV")), (4, ("not *_minimum", "CanMV"))):
        said = " ".join(loaders(replace(program, version=version)))
        assert all(name in said for name in names)
    (said,) = loaders(replace(program, candidates=("1.6-1.9", "1.5")))
    assert said.endswith("with an nncase 1.6-1.9 or 1.5 runtime")


def test_a_firmware_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(UsageError, match=r"maixpy-0\.4, maixpy-0\.5") as caught:
        firmware_named("maixpy-9")
    assert "canmv-1.0" in caught.value.remedy
