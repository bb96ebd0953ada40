"""UFDN: one encoder and one decoder for many domains, and codes that none can be read from.

Paper: A. H. Liu et al., A Unified Feature Disentangler for Multi-Domain Image Translation and
Manipulation, NeurIPS 2018, https://arxiv.org/abs/1809.01361.

Deployed: encoder, digit head, and the decoder of one domain: a colour picture of 32 x 32 of any
domain in; its digit, its code, and the picture as the one domain shows it out.
`docs/methods/ufdn.md` has the measured numbers.
"""

from reference.ufdn.method import UFDN

METHOD = UFDN()

__all__ = ["METHOD", "UFDN"]
