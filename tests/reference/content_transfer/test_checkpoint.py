"""Checkpoints: what is written is what is read, and nothing else passes for it."""

from __future__ import annotations

from typing import ClassVar

import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import nn

from reference.content_transfer import METHOD
from reference.content_transfer.checkpoint import Checkpoint, read_checkpoint
from reference.content_transfer.judge import Judge
from reference.content_transfer.networks import ContentTransfer
from reference.content_transfer.structure import BY_SIDE
from tests.reference.battery.checkpoint import CheckpointBattery


class TestCheckpoint(CheckpointBattery):
    method, read = METHOD, staticmethod(read_checkpoint)
    build = staticmethod(lambda checkpoint: checkpoint.networks)
    misread: ClassVar = [{"width": 0.2}, {"sep": 3}, {"side": 128}]


def made(side: int = 32, width: float = 0.1, sep: int = 2) -> Checkpoint:
    structure = BY_SIDE[side].scaled(width, sep)
    probe = nn.Linear(structure.shared * structure.core**2, 1)
    networks = ContentTransfer(structure)
    return Checkpoint(networks, Judge(), probe, side, width, sep, {"seed": 3}, {"own_guide": 0.5})


@given(side=st.sampled_from([32, 128]), width=st.floats(0.05, 0.15), sep=st.integers(1, 5))
@hypothesis_settings(max_examples=10, deadline=None)
def test_what_is_written_is_read(tmp_path_factory, side, width, sep):
    path = tmp_path_factory.mktemp("checkpoint") / "checkpoint.safetensors"
    one = made(side, width, sep)
    one.save(path)
    read = read_checkpoint(path)
    for name in ("side", "width", "sep", "job", "metrics", "structure"):
        assert getattr(read, name) == getattr(one, name)
    for name, network in one.parts().items():
        kept = read.parts()[name]
        assert not kept.training
        for key, weight in network.state_dict().items():
            assert torch.equal(weight, kept.state_dict()[key])


def test_the_same_networks_make_the_same_bytes(tmp_path):
    one = made()
    for name in ("a", "b"):
        one.save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
