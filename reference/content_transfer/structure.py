"""Sizes of the networks of content transfer, in plain arithmetic.

Channels, kernels and norms of `PAPER` are those of the authors' own code,
https://github.com/oripress/ContentDisentanglement; `SMALL` is ours: the same ladder for pictures of
32 x 32, in what the K210's KPU computes (3x3 kernels, norms that fold into the convolutions).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

# Channels of a picture.
COLOURS = 3
# Kernel of the decoder's transposed convolutions, whatever that of the encoders.
UP_KERNEL = 4

Norm = Literal["instance", "batch", "none"]


@dataclass(frozen=True)
class Structure:
    """Channels of the four networks.

    Attributes:
        side: Side of the pictures in pixels.
        code: Channels of both codes together.
        sep: Channels of E2's code; E1's has the rest.
        common: Channels of E1's first stride-2 convolutions; `tail` more have code - sep.
        tail: See `common`.
        specific: Channels of E2's stride-2 convolutions but the last, which has `sep`.
        decoder: Channels of the decoder's doublings but the last, which gives the picture.
        hidden: Hidden features of the discriminator.
        kernel: Side of the encoders' kernels.
        norm: What stands behind each of the encoders' convolutions.
        decoder_norm: The same for the decoder. None over a batch, in which A would see B.
    """

    side: int
    code: int
    sep: int
    common: tuple[int, ...]
    tail: int
    specific: tuple[int, ...]
    decoder: tuple[int, ...]
    hidden: int
    kernel: int
    norm: Norm
    decoder_norm: Norm

    @property
    def shared(self) -> int:
        """Channels of E1's code."""
        return self.code - self.sep

    @property
    def common_channels(self) -> tuple[int, ...]:
        """Channels of all of E1's convolutions."""
        return self.common + (self.shared,) * self.tail

    @property
    def specific_channels(self) -> tuple[int, ...]:
        """Channels of all of E2's convolutions."""
        return (*self.specific, self.sep)

    @property
    def decoder_channels(self) -> tuple[int, ...]:
        """Channels of all of the decoder's doublings."""
        return (*self.decoder, COLOURS)

    @property
    def core(self) -> int:
        """Side of a code's map."""
        return self.side >> len(self.common_channels)

    def scaled(self, width: float, sep: int | None = None) -> Structure:
        """Return the structure with all inner channels times `width`.

        Args:
            width: Multiplier; 1 leaves all as it is.
            sep: Channels of E2's code, in place of scaled ones.

        Raises:
            ValueError: Nothing would be left for E1's code.
        """
        code = _scaled((self.code,), width)[0]
        sep = _scaled((self.sep,), width)[0] if sep is None else sep
        if not 0 < sep < code:
            raise ValueError(f"{sep} of {code} channels for E2's code leave none to one of them")
        return replace(
            self,
            code=code,
            sep=sep,
            common=_scaled(self.common, width),
            specific=_scaled(self.specific, width),
            decoder=_scaled(self.decoder, width),
            hidden=_scaled((self.hidden,), width)[0],
        )


PAPER = Structure(
    side=128,
    code=512,
    sep=25,
    common=(32, 64, 128, 256),
    tail=2,
    specific=(32, 64, 128, 128, 128),
    decoder=(512, 256, 128, 64, 32),
    hidden=512,
    kernel=4,
    norm="instance",
    decoder_norm="instance",
)
SMALL = Structure(
    side=32,
    code=192,
    sep=16,
    common=(32, 64, 128),
    tail=1,
    specific=(32, 64, 64),
    decoder=(128, 64, 32),
    hidden=256,
    kernel=3,
    norm="batch",
    decoder_norm="none",
)
BY_SIDE = {one.side: one for one in (SMALL, PAPER)}


def encoder_parameters(structure: Structure, channels: tuple[int, ...]) -> int:
    """Return the trained values of an encoder, E1 or E2 by its channels."""
    # Instance norms have no trained values.
    norms = 2 * sum(channels) if structure.norm == "batch" else 0
    return _parameters(channels, COLOURS, structure.kernel) + norms


def decoder_parameters(structure: Structure) -> int:
    """Return the trained values of the decoder."""
    return _parameters(structure.decoder_channels, structure.code, UP_KERNEL)


def discriminator_parameters(structure: Structure) -> int:
    """Return the trained values of the discriminator."""
    inputs = structure.shared * structure.core**2
    return (inputs + 1) * structure.hidden + structure.hidden + 1


def deployed_parameters(structure: Structure) -> int:
    """Return the values of E1, E2 and decoder with their norms folded in."""
    kernel = structure.kernel
    return (
        _parameters(structure.common_channels, COLOURS, kernel)
        + _parameters(structure.specific_channels, COLOURS, kernel)
        + _parameters(structure.decoder_channels, structure.code, UP_KERNEL)
    )


def deployed_macs(structure: Structure) -> int:
    """Return multiply-accumulates of one transfer.

    A transposed convolution counts as what it does: a kernel of products for each of its inputs.
    """
    count = 0
    for channels in (structure.common_channels, structure.specific_channels):
        inputs, side = COLOURS, structure.side
        for outputs in channels:
            side //= 2
            count += structure.kernel**2 * inputs * outputs * side**2
            inputs = outputs
    inputs, side = structure.code, structure.core
    for outputs in structure.decoder_channels:
        count += UP_KERNEL**2 * inputs * outputs * side**2
        inputs, side = outputs, 2 * side
    return count


def _parameters(channels: tuple[int, ...], inputs: int, kernel: int) -> int:
    count = 0
    for outputs in channels:
        count += (kernel**2 * inputs + 1) * outputs
        inputs = outputs
    return count


def _scaled(channels: tuple[int, ...], width: float) -> tuple[int, ...]:
    return tuple(max(1, round(count * width)) for count in channels)
