"""Pictures, their sides, and what tells two sets apart."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import DataError
from harness.method import Fold
from reference.coin_classifier.data import load_pictures, sample_data, spread


def test_the_cameras_split_is_taken(photographs):
    pictures = load_pictures(photographs, 96)
    assert len(pictures.train.ids) == 2 * 31
    assert len(pictures.valid.ids) == 2 * 5
    assert pictures.classes == ("bar", "disc")
    assert pictures.train.images.shape == (62, 3, 96, 96)
    assert pictures.train.images.dtype == np.uint8
    assert np.bincount(pictures.valid.labels).tolist() == [5, 5]


def test_folds_cover_all_pictures_once(photographs):
    judged = [load_pictures(photographs, 96, Fold(index, 3)).valid.ids for index in range(3)]
    assert len(set().union(*judged)) == sum(map(len, judged)) == 72


def test_the_fingerprint_knows_the_fold_and_every_byte(photographs, tmp_path):
    copied = tmp_path / "copy"
    shutil.copytree(photographs, copied)
    original = load_pictures(photographs, 96).fingerprint
    assert load_pictures(copied, 96).fingerprint == original
    assert load_pictures(photographs, 96, Fold(0, 3)).fingerprint != original
    shutil.copy(copied / "bar" / "1.jpg", copied / "bar" / "2.jpg")
    assert load_pictures(copied, 96).fingerprint != original


def test_without_data_the_rendered_coins_are_taken():
    assert load_pictures(None, 96).fingerprint == load_pictures(sample_data(), 96).fingerprint


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        load_pictures(tmp_path / "nowhere", 96)


@given(st.integers(1, 500), st.integers(1, 64))
def test_spread_places_are_distinct_and_reach_both_ends(count, wanted):
    places = spread(count, wanted)
    assert len(places) == min(count, wanted)
    assert len(set(places)) == len(places)
    assert places[0] == 0
    assert places[-1] == (count - 1 if wanted > 1 else 0)
