"""Checkpoints: what is written is what is read, and nothing else passes for it."""

from __future__ import annotations

import json

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import MethodError
from reference.coin_classifier.checkpoint import read_checkpoint as read_coins
from reference.simgan.checkpoint import METHOD_NAME, Checkpoint, Networks, read_checkpoint
from reference.simgan.networks import Discriminator, GazeEstimator, Refiner


def made(width=0.05, blocks=1, hidden=4, estimator=True) -> Checkpoint:
    networks = Networks(
        Refiner(width, blocks),
        Discriminator(width),
        GazeEstimator(width, hidden) if estimator else None,
    )
    return Checkpoint(networks, width, blocks, hidden, {"seed": 3})


@given(
    width=st.floats(0.02, 0.2),
    blocks=st.integers(1, 3),
    hidden=st.integers(1, 9),
    estimator=st.booleans(),
)
@settings(max_examples=10)
def test_what_is_written_is_read(tmp_path_factory, width, blocks, hidden, estimator):
    path = tmp_path_factory.mktemp("checkpoint") / "checkpoint.safetensors"
    one = made(width, blocks, hidden, estimator)
    one.save(path)
    read = read_checkpoint(path)
    assert (read.width, read.blocks, read.hidden, read.job) == (width, blocks, hidden, {"seed": 3})
    assert read.networks.named().keys() == one.networks.named().keys()
    for name, network in one.networks.named().items():
        kept = read.networks.named()[name]
        assert not kept.training
        for key, weight in network.state_dict().items():
            assert torch.equal(weight, kept.state_dict()[key])


def test_the_same_networks_make_the_same_bytes(tmp_path):
    one = made()
    for name in ("a", "b"):
        one.save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(("name", "value"), [("width", 0.1), ("blocks", 2), ("hidden", 5)])
def test_weights_of_another_size_than_the_file_says_are_named(tmp_path, name, value):
    path = tmp_path / "checkpoint.safetensors"
    made().save(path)
    with safetensors.safe_open(path, framework="pt") as file:
        words = json.loads(file.metadata()[METHOD_NAME])
        weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    words[name] = value
    safetensors.torch.save_file(weights, path, {METHOD_NAME: json.dumps(words)})
    with pytest.raises(MethodError, match="another width or depth"):
        read_checkpoint(path)


def test_a_checkpoint_of_another_method_is_refused_either_way(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    made().save(path)
    with pytest.raises(MethodError, match="no checkpoint of coin_classifier"):
        read_coins(path)
    safetensors.torch.save_file({"x": torch.zeros(1)}, path, {"coin_classifier": "{}"})
    with pytest.raises(MethodError, match="no checkpoint of simgan"):
        read_checkpoint(path)
