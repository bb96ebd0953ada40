"""SimGAN: synthetic pictures made to look like photographs, with their labels kept.

Paper: A. Shrivastava et al., Learning from Simulated and Unsupervised Images through Adversarial
Training, CVPR 2017, https://arxiv.org/abs/1612.07828.

Deployed: the refiner, unchanged, on grey pictures of 35 x 55 pixels. `docs/methods/simgan.md` has
the figures.
"""

from reference.simgan.method import SimGAN

METHOD = SimGAN()

__all__ = ["METHOD", "SimGAN"]
