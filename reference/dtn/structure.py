"""Sizes of DTN's networks, in plain arithmetic.

What the paper says of the digit networks could be confirmed only through public
re-implementations; channels and kernels are those of yunjey/domain-transfer-network, whose
discriminator has one logit where the paper and this package have three. The face networks follow
the paper's text: five up-scaling blocks with a 1x1 convolution in each make g nine layers deep,
and six blocks of stride 2 make D; their channels are our choice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

# Side of the map that the code is spread over, and that the encoder ends in.
CORE = 4


@dataclass(frozen=True)
class Structure:
    """Channels of the three networks.

    Attributes:
        source: Channels of a picture of S, which is what f and the deployed part eat.
        target: Channels of a picture of T, which is what g gives.
        side: Side of the pictures in pixels.
        encoder: Channels of f's stride-2 convolutions.
        code: Length of f's output.
        generator: Channels of g's up-scaling blocks but the last.
        discriminator: Channels of D's stride-2 blocks.
        pointwise: Whether each block of g but the last has a 1x1 convolution too.
    """

    source: int
    target: int
    side: int
    encoder: tuple[int, ...]
    code: int
    generator: tuple[int, ...]
    discriminator: tuple[int, ...]
    pointwise: bool = False

    def scaled(self, width: float) -> Structure:
        """Return the structure with all inner channels times `width`."""
        return replace(
            self,
            encoder=_scaled(self.encoder, width),
            code=_scaled((self.code,), width)[0],
            generator=_scaled(self.generator, width),
            discriminator=_scaled(self.discriminator, width),
        )


DIGITS = Structure(
    source=3,
    target=1,
    side=32,
    encoder=(64, 128, 256),
    code=128,
    generator=(512, 256, 128),
    discriminator=(128, 256, 512),
)
FACES = Structure(
    source=3,
    target=3,
    side=64,
    encoder=(64, 128, 256, 512),
    code=256,
    generator=(512, 256, 128, 64),
    discriminator=(64, 128, 256, 256, 512, 512),
    pointwise=True,
)


def encoder_parameters(structure: Structure, channels: int) -> int:
    """Return the trained values of f for pictures of so many channels."""
    count = 0
    for outputs in structure.encoder:
        count += (9 * channels + 3) * outputs
        channels = outputs
    return count + (CORE**2 * channels + 3) * structure.code


def generator_parameters(structure: Structure) -> int:
    """Return the trained values of g."""
    count, kernel, inputs = 0, CORE**2, structure.code
    for outputs in structure.generator:
        count += (kernel * inputs + 3) * outputs
        count += (outputs + 3) * outputs if structure.pointwise else 0
        kernel, inputs = 9, outputs
    return count + (9 * inputs + 1) * structure.target


def deployed_macs(structure: Structure, classes: int) -> int:
    """Return multiply-accumulates of f with its head and of g, for one picture.

    A transposed convolution counts as what it does: nine products for each of its inputs.
    """
    count, channels, side = 0, structure.source, structure.side
    for outputs in structure.encoder:
        side //= 2
        count += 9 * channels * outputs * side**2
        channels = outputs
    count += structure.code * (CORE**2 * channels + classes)
    inputs, side = structure.code, 1
    for kernel, outputs in zip(
        (CORE**2, *(9,) * len(structure.generator)),
        (*structure.generator, structure.target),
        strict=True,
    ):
        count += kernel * inputs * outputs * side**2
        side = CORE if side == 1 else 2 * side
        inputs = outputs
    return count


def _scaled(channels: tuple[int, ...], width: float) -> tuple[int, ...]:
    return tuple(max(1, round(count * width)) for count in channels)
