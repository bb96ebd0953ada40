"""The complex steerable pyramid: a tight frame, for batches of pictures of any size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from reference.visual_microphone.masks import Plane, angular, high, kept, low


@dataclass(frozen=True)
class Bands:
    """What a pyramid makes of pictures.

    Attributes:
        highpass: Real [N, H, W], what is finer than all bands.
        oriented: One complex [N, K, h, w] a scale, the finest first.
        lowpass: Real [N, h, w], what is coarser.
    """

    highpass: Tensor
    oriented: tuple[Tensor, ...]
    lowpass: Tensor


def most_scales(height: int, width: int) -> int:
    """Return how many scales a picture has room for: its side's octaves less two."""
    return max(0, math.floor(math.log2(min(height, width))) - 2)


class SteerablePyramid(nn.Module):
    """Pictures → oriented complex bands, and back.

    A tight frame: the energies of all bands add up to that of the picture, and the adjoint of
    the transform is its inverse. Edges are circular.

    Args:
        size: Height and width of the pictures in pixels, odd ones too.
        scales: Octaves, the finest first.
        orientations: Bands a scale, at least 2; 0 is a band of vertical stripes.
        decimated: Whether each scale has half the pixels a side of the one before.
        dtype: Of the pictures, float32 or float64.

    Raises:
        ValueError: So many scales do not fit, or there are too few orientations.
    """

    def __init__(
        self,
        size: tuple[int, int],
        scales: int = 1,
        orientations: int = 2,
        decimated: bool = True,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if not 0 <= scales <= most_scales(*size):
            raise ValueError(f"{size[0]} x {size[1]} pixels have {most_scales(*size)} scales")
        if orientations < 2:
            raise ValueError("a complex pyramid has at least 2 orientations")
        self.size, self.scales, self.decimated = size, scales, decimated
        self.orientations = orientations
        plane = Plane.of(*size)
        self.high0: Tensor
        self.low: Tensor
        self._keep("high0", high(plane, 0).to(dtype))
        lows, self._sizes = low(plane, 0), list[tuple[int, int]]()
        for scale in range(scales):
            self._sizes.append(plane.size)
            fan = torch.stack([angular(plane, b, orientations) for b in range(orientations)])
            mask = fan * (lows * high(plane, scale + 1))
            self._keep(f"band{scale}", mask.to(dtype))
            lows = lows * low(plane, scale + 1)
            if decimated:
                lows = _cut(lows, *(math.ceil(bins / 2) for bins in plane.size))
                plane = plane.middle()
        self._sizes.append(plane.size)
        self._keep("low", lows.to(dtype))

    @property
    def turn(self) -> complex:
        """The constant phase of all bands that keeps to the pyramid's definition."""
        return complex((-1j) ** (self.orientations - 1))

    def forward(self, pictures: Tensor) -> Bands:
        """Return all bands of real pictures [N, H, W]."""
        half = torch.fft.rfft2(pictures, norm="ortho")
        finest = half * self.high0[:, : half.shape[-1]]
        highpass = torch.fft.irfft2(finest, self.size, norm="ortho")
        spectra = self._spectra(half)
        oriented = tuple(self._band(spectra[scale], scale) for scale in range(self.scales))
        rest = spectra[-1] * self.low
        return Bands(highpass, oriented, torch.fft.ifft2(rest, norm="ortho").real)

    def oriented(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return the oriented bands only: complex [N, K, h, w] a scale."""
        spectra = self._spectra(torch.fft.rfft2(pictures, norm="ortho"))
        return tuple(self._band(spectra[scale], scale) for scale in range(self.scales))

    def inverse(self, bands: Bands) -> Tensor:
        """Return the pictures [N, H, W] of bands; any part of `bands` may be zero."""
        spectrum = torch.fft.fft2(bands.highpass, norm="ortho") * self.high0
        _add(spectrum, torch.fft.fft2(bands.lowpass, norm="ortho") * self.low)
        for scale, band in enumerate(bands.oriented):
            part = torch.fft.fft2(band / self.turn, norm="ortho") * self._mask(scale)
            _add(spectrum, part.sum(dim=1))
        pictures: Tensor = torch.fft.ifft2(spectrum, norm="ortho")
        return pictures.real

    def _spectra(self, half: Tensor) -> list[Tensor]:
        """Return what each scale, and the rest, sees of a spectrum [N, H, W // 2 + 1]."""
        found = [_whole(half, self.size[1])]
        for size in self._sizes[1:]:
            found.append(_cut(found[-1], *size))
        return found

    def _band(self, spectrum: Tensor, scale: int) -> Tensor:
        part = (spectrum * self.turn)[:, None] * self._mask(scale)
        band: Tensor = torch.fft.ifft2(part, norm="ortho")
        return band

    def _keep(self, name: str, mask: Tensor) -> None:
        self.register_buffer(name, mask, persistent=False)

    def _mask(self, scale: int) -> Tensor:
        return self.get_buffer(f"band{scale}")


def _whole(half: Tensor, width: int) -> Tensor:
    """Return the spectrum [N, H, W] of real pictures, of which `rfft2` gives one half."""
    mirrored = half[..., 1 : (width + 1) // 2].flip(-1).conj()
    # Row −h of FFT order: the first stays, the others turn round.
    mirrored = torch.cat([mirrored[..., :1, :], mirrored[..., 1:, :].flip(-2)], dim=-2)
    return torch.cat([half, mirrored], dim=-1)


def _cut(spectrum: Tensor, height: int, width: int) -> Tensor:
    """Return the lowest frequencies of [..., H, W], in FFT order."""
    for axis, fewer in ((-1, width), (-2, height)):
        bins = spectrum.shape[axis]
        if fewer < bins:
            low = spectrum.narrow(axis, 0, (fewer + 1) // 2)
            below = spectrum.narrow(axis, bins - fewer // 2, fewer // 2)
            spectrum = torch.cat([low, below], dim=axis)
    return spectrum


def _add(spectrum: Tensor, part: Tensor) -> None:
    """Add lowest frequencies [N, h, w] to a whole spectrum [N, H, W] in place."""
    rows, columns = (kept(spectrum.shape[axis], part.shape[axis]) for axis in (-2, -1))
    spectrum[..., rows[:, None].to(spectrum.device), columns.to(spectrum.device)] += part
