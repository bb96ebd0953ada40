"""Outputs that a run kept, against those of now."""

import numpy as np
import pytest

from harness.blame.kept import compare_kept

NOW = {"y": np.arange(12, dtype=np.float32).reshape(4, 3)}
OTHER = {"y": np.where(np.arange(12).reshape(4, 3) == 7, 99, NOW["y"]).astype(np.float32)}


def nobody(_place):
    raise AssertionError("nobody is to be asked")


def test_what_is_as_it_was_says_nothing():
    kept = compare_kept(NOW, NOW, NOW, nobody)
    assert (kept.changed, kept.simulators) == ("", "")
    assert compare_kept(NOW, None, None, nobody) == kept


def test_the_last_bits_of_floats_are_no_change():
    near = {"y": np.nextafter(NOW["y"], 99, dtype=np.float32)}
    assert compare_kept(NOW, near, None, nobody).changed == ""


def test_outputs_of_our_own_simulator_that_changed_are_the_files():
    kept = compare_kept(NOW, OTHER, OTHER, nobody)
    assert "1 of 12 values" in kept.changed
    assert kept.simulators == ""


def test_two_simulators_that_differ_as_they_did_are_the_simulators():
    kept = compare_kept(NOW, NOW, OTHER, nobody)
    assert "nncase's simulator and ours differ: 1 of 12 values" in kept.simulators
    assert kept.changed == ""


@pytest.mark.parametrize("changed", [True, False])
def test_nncase_is_asked_again_where_only_its_outputs_were_kept(changed):
    asked = []

    def nncase(place):
        asked.append(place)
        return [(NOW if changed else OTHER)["y"][place : place + 1]]

    kept = compare_kept(NOW, None, OTHER, nncase)
    assert asked == [2]
    assert bool(kept.changed) == changed
    assert bool(kept.simulators) != changed
