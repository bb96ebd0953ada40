"""Recurrent layers.

Source: nncase v1.9.0 `gru.cpp`. Products are added one after the other, then the bias.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.kmodel.operations import Gru, GruDirection
from harness.simulator.operations.elementwise import logistic, through_double
from harness.simulator.operations.windows import running_product

_GATES = 3
_tanh = through_double(torch.tanh)


def gru(
    operation: Gru, x: Tensor, w: Tensor, r: Tensor, b: Tensor, initial: Tensor
) -> tuple[Tensor, Tensor]:
    """Return all states [B, steps, ways, N, H] and the last ones [B, ways, N, H]."""
    every, last = [], []
    for way in range(w.shape[1]):
        backwards = operation.direction is GruDirection.REVERSE or way == 1
        steps = list(range(x.shape[1]))
        state, states = initial[:, way], {}
        for step in reversed(steps) if backwards else steps:
            state = _step(operation, x[:, step], state, w[:, way], r[:, way], b[:, way])
            states[step] = state
        every.append(torch.stack([states[step] for step in steps], 1))
        last.append(state)
    return torch.stack(every, 2), torch.stack(last, 1)


def _step(operation: Gru, x: Tensor, state: Tensor, w: Tensor, r: Tensor, b: Tensor) -> Tensor:
    """Return the next state [B, N, H]."""
    into_update, into_reset, into_new = w.chunk(_GATES, 1)
    of_update, of_reset, of_new = r.chunk(_GATES, 1)
    biases = b.chunk(2 * _GATES, 1)
    update = logistic(_summed(x, into_update, biases[0]) + _summed(state, of_update, biases[3]))
    reset = logistic(_summed(x, into_reset, biases[1]) + _summed(state, of_reset, biases[4]))
    fresh = _summed(x, into_new, biases[2])
    if operation.linear_before_reset:
        new = _tanh(fresh + reset * _summed(state, of_new, biases[5]))
    else:
        new = _tanh(fresh + _summed(reset * state, of_new, biases[5]))
    return (1 - update) * new + update * state


def _summed(x: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """Return x [B, N, K] times weights [B, H, K], plus bias [B, H]."""
    zero = torch.zeros((), device=x.device)
    return running_product(x, weights.transpose(-1, -2), zero) + bias[:, None]
