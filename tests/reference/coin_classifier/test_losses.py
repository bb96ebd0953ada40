"""Cross-entropy against soft targets."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.coin_classifier.losses import soft_cross_entropy, soft_targets

seeds = st.integers(0, 2**31 - 1)


def random_case(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    return 5 * torch.randn(7, 4), torch.randint(0, 4, (7,))


@given(seed=seeds, smoothing=st.floats(0, 0.9))
@settings(max_examples=40, deadline=None)
def test_equals_pytorchs_smoothed_cross_entropy(seed, smoothing):
    logits, labels = random_case(seed)
    loss = soft_cross_entropy(logits, soft_targets(labels, 4, smoothing))
    expected = F.cross_entropy(logits, labels, label_smoothing=smoothing)
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-5)


@given(seed=seeds, shift=st.floats(-50, 50))
@settings(max_examples=40, deadline=None)
def test_a_constant_added_to_the_logits_changes_nothing(seed, shift):
    logits, labels = random_case(seed)
    targets = soft_targets(labels, 4, 0.1)
    torch.testing.assert_close(
        soft_cross_entropy(logits + shift, targets),
        soft_cross_entropy(logits, targets),
        atol=1e-4,
        rtol=1e-4,
    )


def test_targets_are_distributions_with_the_label_on_top():
    targets = soft_targets(torch.tensor([2, 0]), 4, smoothing=0.2)
    assert targets.tolist()[0] == pytest.approx([0.05, 0.05, 0.85, 0.05])
    assert targets.sum(dim=1).tolist() == pytest.approx([1, 1])


def test_smoothing_keeps_the_best_loss_above_zero():
    certain = torch.tensor([[100.0, 0.0]])
    label = torch.tensor([0])
    assert soft_cross_entropy(certain, soft_targets(label, 2, 0.0)).item() == 0
    assert soft_cross_entropy(certain, soft_targets(label, 2, 0.1)).item() > 1
