"""StereoNet: two rectified pictures become a disparity, by a tiny cost volume and refinement.

Paper: S. Khamis et al., StereoNet: Guided Hierarchical Refinement for Real-Time Edge-Aware Depth
Prediction, ECCV 2018, https://arxiv.org/abs/1807.08865.

Deployed: the Siamese feature tower, which runs once for each of the two pictures; cost volume and
refinement run on the host. `docs/methods/stereonet.md` has the measured numbers.
"""

from reference.stereonet.method import StereoNetMethod

METHOD = StereoNetMethod()

__all__ = ["METHOD", "StereoNetMethod"]
