"""Kmodels that a firmware cannot load are refused, with the way out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.board.info import BoardInfo, versions
from harness.errors import BoardError, KModelError

KMODEL = Path("fixtures/kmodels/stride4.kmodel")
INFO = BoardInfo(
    port="/dev/ttyUSB0",
    kind="real",
    firmware="v0.6.2",
    machine="a board",
    micropython="0.6.2",
    platform="MaixPy",
    heap_free=400_000,
    heap_total=512_000,
    system_heap=None,
    file_systems=(),
    kpu_api="KPU",
    kpu_functions=(),
    kmodel_versions=(3, 4),
    modules=("image",),
    unique_id=None,
    usb_serial=None,
)


@pytest.fixture
def v5(request):
    return (request.config.rootpath / KMODEL).read_bytes()


@pytest.mark.parametrize(("known", "way"), [((3, 4), "--to v4"), ((3,), "--to v3")])
def test_a_version_that_it_does_not_load(v5, known, way):
    with pytest.raises(BoardError) as raised:
        replace(INFO, kmodel_versions=known).refuse_unloadable(v5)
    assert "is a v5" in raised.value.cause
    assert raised.value.remedy.startswith("k210 convert")
    assert way in raised.value.remedy


def test_a_firmware_without_a_kpu(v5):
    with pytest.raises(BoardError, match="no KPU module"):
        replace(INFO, kmodel_versions=()).refuse_unloadable(v5)


def test_a_model_that_is_too_large(v5):
    able = replace(INFO, kmodel_versions=(5,), system_heap=len(v5) - 1)
    with pytest.raises(BoardError, match=f"has {len(v5) - 1} left"):
        able.refuse_unloadable(v5)
    replace(able, system_heap=1 << 20).refuse_unloadable(v5)


def test_a_file_that_is_no_kmodel():
    with pytest.raises(KModelError):
        INFO.refuse_unloadable(b"hello" * 20)


def test_versions_by_what_the_module_offers():
    assert versions("KPU", ("load", "forward")) == (3,)
    assert versions("KPU", ("load", "set_outputs")) == (3, 4)
    assert versions("maix.KPU", ("load_kmodel",)) == (3, 4)
    assert versions(None, ()) == ()
