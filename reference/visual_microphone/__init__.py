"""The Visual Microphone: the sound that an object trembles with, heard in a silent video of it.

Paper: A. Davis et al., The Visual Microphone: Passive Recovery of Sound from Video, SIGGRAPH 2014,
https://doi.org/10.1145/2601097.2601119.

Deployed: 3x3 filters in quadrature, one layer, in place of the steerable pyramid's finest scale: a
grey picture in, two complex bands out. `docs/methods/visual_microphone.md` has the figures.
"""

from reference.visual_microphone.method import VisualMicrophone

METHOD = VisualMicrophone()

__all__ = ["METHOD", "VisualMicrophone"]
