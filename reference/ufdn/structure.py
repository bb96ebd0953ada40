"""Sizes of UFDN's networks, in plain arithmetic.

Channels are those of the authors' code, https://github.com/Alexander-H-Liu/UFDN at cd005db:
`DIGITS` of its example for domain adaptation, `FACES` of its example for translation. All kernels
there are 4x4 with stride 2 and a border of 1; a kernel of 3 gives maps of the same sizes, and is
what the KPU computes.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

# Side of the map in front of the code; a kernel of 3 or 4 reads all of it, and no more of a 4x4
# kernel than its inner 2x2.
CORE = 2


@dataclass(frozen=True)
class Structure:
    """Channels of all networks.

    Attributes:
        side: Side of the pictures in pixels: 2 to the number of the encoder's layers + 1.
        encoder: Channels of the encoder's trunk, each layer of stride 2.
        code: Length of the code.
        decoder: Channels of the decoder's layers but the last.
        domains: Length of the domain vector.
        feature: Hidden values of D_feat.
        pixel: Channels of D_pix.
        pixel_hidden: Hidden values of D_pix behind them.
        kernel: Of encoder and decoder, 3 or 4.
        channels: Of the pictures.
    """

    side: int
    encoder: tuple[int, ...]
    code: int
    decoder: tuple[int, ...]
    domains: int
    feature: tuple[int, ...]
    pixel: tuple[int, ...]
    pixel_hidden: int
    kernel: int = 4
    channels: int = 3

    def __post_init__(self) -> None:
        if self.side != CORE << len(self.encoder) or len(self.decoder) != len(self.encoder):
            raise ValueError(
                f"{len(self.encoder)} layers down and {len(self.decoder)} up do not fit pictures "
                f"of {self.side} pixels"
            )

    def scaled(self, width: float) -> Structure:
        """Return the structure with all inner channels times `width`."""
        return replace(
            self,
            encoder=_scaled(self.encoder, width),
            code=_scaled((self.code,), width)[0],
            decoder=_scaled(self.decoder, width),
            feature=_scaled(self.feature, width),
            pixel=_scaled(self.pixel, width),
            pixel_hidden=_scaled((self.pixel_hidden,), width)[0],
        )


# D_pix is not a part of the authors' domain adaptation; here it has the proportions of `FACES`.
DIGITS = Structure(
    side=32,
    encoder=(128, 256, 512, 1024),
    code=2048,
    decoder=(1024, 512, 256, 128),
    domains=2,
    feature=(1024, 256),
    pixel=(16, 32, 64, 128),
    pixel_hidden=512,
)
FACES = Structure(
    side=64,
    encoder=(64, 128, 256, 512, 1024),
    code=1024,
    decoder=(1024, 512, 256, 128, 64),
    domains=3,
    feature=(512, 256, 128, 64),
    pixel=(16, 32, 64, 128, 256),
    pixel_hidden=512,
)


def trunk_parameters(structure: Structure) -> int:
    """Return the trained values of the encoder in front of its two heads."""
    count, inputs = 0, structure.channels
    for outputs in structure.encoder:
        count += (structure.kernel**2 * inputs + 3) * outputs
        inputs = outputs
    return count


def head_parameters(structure: Structure) -> int:
    """Return the trained values of the head for the mean, or of that for the log-variance."""
    return (structure.kernel**2 * structure.encoder[-1] + 1) * structure.code


def decoder_parameters(structure: Structure) -> int:
    """Return the trained values of the decoder."""
    count, inputs = 0, structure.code + structure.domains
    for outputs in structure.decoder:
        count += (structure.kernel**2 * inputs + 3) * outputs
        inputs = outputs
    return count + (structure.kernel**2 * inputs + 1) * structure.channels


def feature_parameters(structure: Structure) -> int:
    """Return the trained values of D_feat."""
    return _linear_parameters((structure.code, *structure.feature, structure.domains))


def deployed_parameters(structure: Structure, classes: int) -> int:
    """Return the values of what runs on the K210, norms and the domain vector folded in."""
    kernel, core = structure.kernel**2, CORE**2
    down = (structure.channels, *structure.encoder)
    up = (*structure.decoder, structure.channels)
    count = sum((kernel * a + 1) * b for a, b in itertools.pairwise(down))
    count += (core * structure.encoder[-1] + 1) * structure.code
    count += (structure.code + 1) * (classes + core * structure.decoder[0])
    return count + sum((kernel * a + 1) * b for a, b in itertools.pairwise(up))


def deployed_macs(structure: Structure, classes: int) -> int:
    """Return multiply-accumulates of encoder, digit head and decoder, for one picture.

    A transposed convolution counts as what it does: a kernel for each of its inputs.
    """
    kernel, count, side = structure.kernel**2, 0, structure.side
    inputs = structure.channels
    for outputs in structure.encoder:
        side //= 2
        count += kernel * inputs * outputs * side**2
        inputs = outputs
    count += CORE**2 * structure.code * (inputs + structure.decoder[0]) + structure.code * classes
    inputs, side = structure.decoder[0], CORE
    for outputs in (*structure.decoder[1:], structure.channels):
        count += kernel * inputs * outputs * side**2
        inputs, side = outputs, 2 * side
    return count


def _linear_parameters(sizes: tuple[int, ...]) -> int:
    return sum((a + 1) * b for a, b in itertools.pairwise(sizes))


def _scaled(channels: tuple[int, ...], width: float) -> tuple[int, ...]:
    return tuple(max(1, round(count * width)) for count in channels)
