"""What judges: probes that read what is there and nothing else, and metrics by domain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.ufdn import METHOD
from reference.ufdn.metrics import Probe, accuracies, run

COUNT = 600


def codes(seed: int, shift: float = 0.0, domains: int = 2):
    """Codes of which one value, and nothing else, may tell the domain."""
    stream = torch.Generator().manual_seed(seed)
    of = torch.arange(COUNT) % domains
    values = torch.randn(COUNT, 8, generator=stream)
    values[:, 3] += shift * of
    return values, of


@given(seed=st.integers(0, 1000), domains=st.integers(2, 3), hidden=st.sampled_from([0, 64]))
@settings(max_examples=6, deadline=None)
def test_a_probe_reads_a_domain_that_is_there(seed, domains, hidden):
    probe = Probe(*codes(seed, 8.0, domains), hidden)
    assert probe.accuracy(*codes(seed + 1, 8.0, domains)) > 0.97


@given(seed=st.integers(0, 1000), domains=st.integers(2, 3), hidden=st.sampled_from([0, 64]))
@settings(max_examples=6, deadline=None)
def test_a_probe_reads_none_where_there_is_none(seed, domains, hidden):
    probe = Probe(*codes(seed, 0.0, domains), hidden)
    assert probe.accuracy(*codes(seed + 1, 0.0, domains)) == pytest.approx(1 / domains, abs=0.09)


def test_only_the_mlp_reads_what_is_not_linear():
    values, of = codes(0)
    values[:, 0] = torch.where(of == 1, values[:, 0].sign() * 3, values[:, 0] * 0.3)
    halves = (values[::3], of[::3]), (values[1::3], of[1::3])
    assert Probe(*halves[0]).accuracy(*halves[1]) < 0.65
    assert Probe(*halves[0], 64).accuracy(*halves[1]) > 0.9


def test_domains_count_alike_however_few_their_pictures_are():
    values, of = codes(0)
    rare = torch.cat([torch.arange(0, COUNT, 2), torch.arange(1, COUNT, 20)])
    probe = Probe(values[rare], of[rare])
    assert probe.accuracy(values, of) < 0.62


def test_accuracies_are_those_of_source_and_targets():
    predicted, labels = np.array([1, 2, 3, 4]), np.array([1, 0, 3, -1])
    found = accuracies(predicted, labels, np.array([0, 0, 1, 2]))
    assert found == {"accuracy": 1.0, "source_accuracy": 0.5}
    assert accuracies(predicted, labels, np.array([0, 0, 0, 1])) == {"source_accuracy": 2 / 3}


def test_metrics_of_the_float_outputs_are_the_training_own(trained, domains_folder):
    from reference.ufdn.checkpoint import read_checkpoint

    deployable = METHOD.deployable(trained, domains_folder)
    outputs = dict(
        zip(
            deployable.outputs,
            (out.numpy() for out in run(deployable.module, deployable.evaluation.inputs)),
            strict=True,
        )
    )
    found = deployable.metrics(outputs, deployable.evaluation)
    assert found.pop("logit_kl") == pytest.approx(0, abs=1e-6)
    assert "picture_psnr_db" not in found
    kept = read_checkpoint(trained).metrics
    assert found == pytest.approx({name: kept[name] for name in found}, abs=0.26)
    assert found["accuracy"] == pytest.approx(kept["accuracy"])
    whole = deployable.evaluation
    part = replace(whole, ids=whole.ids[5:7], inputs=whole.inputs[5:7], labels=whole.labels[5:7])
    some = deployable.metrics({name: output[5:7] for name, output in outputs.items()}, part)
    assert some.get("picture_psnr_db", 99) > 90
    assert "source_accuracy" not in some
    worse = outputs | {
        "logits": outputs["logits"] * 0 + np.eye(2)[0],
        "picture": outputs["picture"] + 0.2,
    }
    moved = deployable.metrics(worse, deployable.evaluation)
    assert moved["logit_kl"] > 0.1
    assert moved["picture_psnr_db"] == pytest.approx(20, abs=0.01)
    target = deployable.evaluation.labels[len(deployable.evaluation.labels) // 2 :]
    assert moved["accuracy"] == pytest.approx((target == 0).mean())
