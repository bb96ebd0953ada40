"""3x3 filters in quadrature: what a K210 runs in place of the pyramid's finest scale."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reference.visual_microphone.masks import Plane, angular, high, low
from reference.visual_microphone.structure import BANDS, KERNEL, MAPS, MARGIN

# How much a constant picture counts against the rest: filters have to be blind to it.
BLINDNESS = 1e6


class QuadratureFilters(nn.Module):
    """Grey pictures → two complex bands: real and imaginary part across, then down.

    Real float32 [N, 1, H, W] → [N, 4, H, W]; one layer, without bias.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, MAPS, KERNEL, padding=MARGIN, bias=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the four maps."""
        return self.conv(pictures)  # type: ignore[no-any-return]


def to_bands(maps: Tensor) -> Tensor:
    """Return complex bands [N, 2, H − 2, W − 2] of maps [N, 4, H, W], without the edges."""
    inner = maps[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
    return torch.complex(inner[:, 0::2], inner[:, 1::2])


def fitted_kernels(power: Tensor) -> Tensor:
    """Return the kernels nearest to the pyramid's finest bands of two orientations.

    Nearest in mean square over pictures of this power spectrum, which is a linear problem of nine
    unknowns a kernel.

    Args:
        power: Real [H, W], what pictures have at each frequency, in FFT order.

    Returns:
        float32 [4, 1, 3, 3], as a convolution of PyTorch takes them.
    """
    weight = power.double().clone()
    weight[0, 0] = BLINDNESS * weight.max()
    plane = Plane.of(*weight.shape)
    # A convolution of PyTorch is a correlation: offset +1 reads the pixel after.
    offsets = torch.arange(-MARGIN, KERNEL - MARGIN, dtype=torch.float64)
    phase = torch.pi * (
        plane.rows[:, None, None, None] * offsets[:, None]
        + plane.columns[None, :, None, None] * offsets[None]
    )
    waves = torch.exp(1j * phase).reshape(-1, KERNEL**2)
    weighted = (waves * weight.reshape(-1, 1)).conj().T
    normal = (weighted @ waves).real
    targets = torch.stack([part.flatten() for part in _parts(plane)], dim=1)
    kernels = torch.linalg.solve(normal, (weighted @ targets).real)
    return torch.Tensor.float(kernels.T.reshape(MAPS, 1, KERNEL, KERNEL))


def _parts(plane: Plane) -> list[Tensor]:
    """Return the responses of the real and the imaginary part of each band, complex [H, W]."""
    radial = low(plane, 0) * high(plane, 1)
    found = []
    for band in range(BANDS):
        mask = -1j * angular(plane, band, BANDS) * radial
        mirrored = torch.roll(mask.flip(0, 1), (1, 1), (0, 1)).conj()
        found += [(mask + mirrored) / 2, (mask - mirrored) / 2j]
    return found
