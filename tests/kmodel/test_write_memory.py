"""Formats with one main memory do not take a program with two."""

from dataclasses import replace

import pytest

from harness.errors import ConversionError
from harness.kmodel import Memory, Pool, load, save
from tests.kmodel.v3_files import every_layer


def test_two_main_memories_are_refused_by_name(single_operations):
    v4 = load(single_operations["model_12"].tobytes())
    assert load(save(v4)).pools
    second = Pool("second", Memory.MAIN, 8)
    for program in (v4, load(every_layer())):
        with pytest.raises(ConversionError, match="second"):
            save(replace(program, pools=(*program.pools, second)))
