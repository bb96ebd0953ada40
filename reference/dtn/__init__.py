"""DTN: a picture of one domain becomes its like in another, without a single pair of pictures.

Paper: Y. Taigman, A. Polyak and L. Wolf, Unsupervised Cross-Domain Image Generation, ICLR 2017,
https://arxiv.org/abs/1611.02200.

Deployed: G = g ∘ f as a whole, with f's head: a colour picture of 32 x 32 in, f's class and code
and the grey picture out. `docs/methods/dtn.md` has the measured numbers.
"""

from reference.dtn.method import DTN

METHOD = DTN()

__all__ = ["DTN", "METHOD"]
