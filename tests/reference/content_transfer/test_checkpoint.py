"""Checkpoints: what is written is what is read, and nothing else passes for it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import nn

from harness.errors import MethodError
from reference.content_transfer.checkpoint import METHOD_NAME, Checkpoint, read_checkpoint
from reference.content_transfer.judge import Judge
from reference.content_transfer.networks import ContentTransfer
from reference.content_transfer.structure import BY_SIDE
from reference.dtn.checkpoint import read_checkpoint as read_dtn


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


@pytest.mark.parametrize("change", [{"width": 0.2}, {"sep": 3}, {"side": 128}])
def test_weights_of_another_size_than_the_file_says_are_named(tmp_path, change):
    path = tmp_path / "checkpoint.safetensors"
    replace(made(), **change).save(path)
    with pytest.raises(MethodError, match="another width"):
        read_checkpoint(path)


def test_a_checkpoint_of_another_method_is_refused_either_way(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    made().save(path)
    with pytest.raises(MethodError, match="no checkpoint of dtn"):
        read_dtn(path)
    safetensors.torch.save_file({"x": torch.zeros(1)}, path, {"dtn": json.dumps({})})
    with pytest.raises(MethodError, match=f"no checkpoint of {METHOD_NAME}"):
        read_checkpoint(path)
