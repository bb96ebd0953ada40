"""Checkpoints: what is written is what is read, and nothing else passes for it."""

from __future__ import annotations

from typing import ClassVar

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.simgan import METHOD
from reference.simgan.checkpoint import Checkpoint, Networks, read_checkpoint
from reference.simgan.networks import Discriminator, GazeEstimator, Refiner
from tests.reference.battery.checkpoint import CheckpointBattery


class TestCheckpoint(CheckpointBattery):
    method, read = METHOD, staticmethod(read_checkpoint)
    build = staticmethod(lambda checkpoint: checkpoint.networks)
    misread: ClassVar = [{"width": 0.1}, {"blocks": 2}, {"hidden": 5}]


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
