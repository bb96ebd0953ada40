"""Float parameters of one KPU layer, and the registers and tables that they become.

What is trained is what the file stores, as real numbers:

- `weight` [out, in, k, k]: the codes of the weights in units of 128, rounded to 0 … 255.
- `gain` [out]: natural logarithm of a factor on the batch norm's multiplier.
- `bias` [out]: added to the batch norm's addend, in units of the whole range of bytes behind the
  activation.

The range of the feature maps before and behind the layer (see `harness.finetune.ranges`) scale
the multiplier and the addend, too. All begin where the file's own registers and tables are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from harness.finetune.activation import BYTE, steepest
from harness.finetune.straight import straight
from harness.kmodel.operations import KpuConv2d
from harness.kmodel.tables import BatchNorm

CODE_UNIT = 128.0
MOST_SHIFT = 15
# Weights smaller than this many codes say nothing.
_LEAST = 1e-3
# Bits of the multiplier's magnitude, and of the addend's.
_MULTIPLIER_BITS, _ADDEND_BITS = 23, 31
# The multiplier keeps at least this many bits, where the shift allows it: nncase's own have 20.
_KEPT_BITS = 20
# What the batch norm gives has to fit 36 bits.
_NORMED_LIMIT = 2.0**35


@dataclass(frozen=True)
class Quantised:
    """What a layer computes with: exact forward, straight through backward.

    Attributes:
        codes: float32 [out, in, k, k], whole numbers 0 … 255.
        factor: float32 [out], what `multiplier / 2**shift` is.
        addend: float32 [out]; rounded where float32 has no 32 bits.
        batch_norm: The same as the file stores it.
    """

    codes: Tensor
    factor: Tensor
    addend: Tensor
    batch_norm: BatchNorm


class LayerParameters(nn.Module):
    """The parameters of one layer.

    Args:
        layer: As the file has it.
    """

    def __init__(self, layer: KpuConv2d) -> None:
        super().__init__()
        self.layer = layer
        norm = layer.batch_norm
        channels = len(norm.words)
        slope = steepest(layer.activation)
        self.weight = nn.Parameter(torch.tensor(layer.weights.astype(np.float32)) / CODE_UNIT)
        self.gain = nn.Parameter(torch.zeros(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.unit = BYTE / slope if slope else 1.0
        for name, values in {
            "first_factor": norm.multiplier * 2.0**-norm.shift,
            "first_addend": norm.addend.astype(np.float64),
            "first_multiplier": norm.multiplier,
            "first_shift": norm.shift,
        }.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(values)), False)

    def quantise(self, range_in: Tensor, range_out: Tensor) -> Quantised:
        """Return the layer's numbers for the ranges of its maps (1 is the file's own)."""
        latent = self.weight * CODE_UNIT
        codes = straight(latent, latent.round().clamp(0, BYTE))
        wanted = self.first("factor") * (torch.exp(self.gain) * range_in / range_out).double()
        multiplier, shift = self._fixed_point(self._fitting(wanted.detach(), codes.detach()))
        exact = multiplier * torch.exp2(-shift.double())
        shifted = (self.first("addend") + self.unit * self.bias.double()) / range_out.double()
        limit = 2.0**_ADDEND_BITS
        addend = shifted.detach().round().clamp(-limit, limit - 1)
        return Quantised(
            codes=codes,
            factor=straight(wanted.float(), exact.float()),
            addend=straight(shifted.float(), addend.float()),
            batch_norm=BatchNorm.encode(*(t.cpu().numpy() for t in (multiplier, addend, shift))),
        )

    def encode(self, quantised: Quantised) -> KpuConv2d:
        """Return the layer as a file stores it."""
        codes = quantised.codes.detach().cpu().numpy().astype(np.uint8)
        return replace(self.layer, weights=codes, batch_norm=quantised.batch_norm)

    def first(self, name: str) -> Tensor:
        """Return a value that the file had at the beginning: float64 [out]."""
        return self.get_buffer(f"first_{name}").double()

    @property
    def zero(self) -> int:
        """The byte of the input map that stands for 0."""
        registers = self.layer.registers
        return round(-registers.arg_w * 2.0**-registers.shift_w)

    @torch.no_grad()
    def enlarge(self, factors: Tensor) -> None:
        """Multiply what goes into the activation by a factor a channel, float [out]."""
        addend = self.first("addend") / self.unit + self.bias
        self.gain.add_(factors.log())
        self.bias.add_(addend.mul(factors - 1).float())

    @torch.no_grad()
    def shrink_inputs(self, factors: Tensor) -> None:
        """Make up for input channels that are larger by factors, float [channels].

        The weights of every output channel then reach as far as codes do, and its gain takes
        that back.
        """
        zero = -self.layer.registers.arg_x * 2.0**-self.layer.registers.shift_x
        by = factors.view(-1, 1, 1, 1) if self.layer.depthwise else factors.view(1, -1, 1, 1)
        effective = (self.weight * CODE_UNIT - zero) / by
        spread = _spread(effective.flatten(1), zero)
        self.weight.copy_((effective * spread.view(-1, 1, 1, 1) + zero) / CODE_UNIT)
        self.gain.sub_(spread.log())

    @torch.no_grad()
    def confine(self) -> None:
        """Bring weights back into the range of the codes, beyond which they have no gradient."""
        self.weight.clamp_(0, BYTE / CODE_UNIT)

    def _fitting(self, wanted: Tensor, codes: Tensor) -> Tensor:
        """Return factors that no sum can lead out of 36 bits; the file's own always pass."""
        registers = self.layer.registers
        effective = codes.double() + registers.arg_x * 2.0**-registers.shift_x
        axes = (1, 2, 3)
        positive, negative = effective.clamp(min=0).sum(axes), (-effective).clamp(min=0).sum(axes)
        greatest = BYTE * torch.maximum(positive, negative).clamp(min=1)
        room = (_NORMED_LIMIT - 2.0**_ADDEND_BITS) / greatest
        limit = torch.maximum(room, self.first("factor").abs())
        return torch.maximum(torch.minimum(wanted, limit), -limit)

    def _fixed_point(self, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Return multiplier and shift, int64 [out]; the file's own shift where that is as good."""
        limit = 2**_MULTIPLIER_BITS
        first = self.get_buffer("first_shift")
        own = (wanted * torch.exp2(first.double())).round()
        same = own == self.get_buffer("first_multiplier")
        good = (own.abs() >= 2**_KEPT_BITS) & (own.abs() < limit)
        bits = torch.log2(wanted.abs().clamp(min=2.0**-MOST_SHIFT)).floor().long()
        shift = torch.where(same | good, first, (_KEPT_BITS - bits).clamp(0, MOST_SHIFT))
        multiplier = (wanted * torch.exp2(shift.double())).round().clamp(-limit, limit - 1)
        return multiplier.long(), shift


def _spread(effective: Tensor, zero: float) -> Tensor:
    """Return the factors [out] by which weights [out, n] fill the codes around the zero point."""
    below, above = -effective.amin(1), effective.amax(1)
    rooms = [
        torch.where(reach > _LEAST, room / reach.clamp(min=_LEAST), torch.inf)
        for reach, room in ((below, zero), (above, BYTE - zero))
    ]
    spread = torch.minimum(*rooms)
    return torch.where(spread.isfinite() & (spread > 0), spread, 1.0)
