"""Content transfer: what only one domain has moves from a guide to a target, without pairs.

Paper: O. Press, T. Galanti, S. Benaim and L. Wolf, Emerging Disentanglement in Auto-Encoder Based
Unsupervised Image Content Transfer, ICLR 2019, https://openreview.net/forum?id=BylE1205Fm.

Deployed: the whole transfer, on a target above a guide. `docs/methods/content_transfer.md` has
the figures.
"""

from reference.content_transfer.method import METHOD_NAME, ContentTransferMethod

METHOD = ContentTransferMethod()

__all__ = ["METHOD", "METHOD_NAME", "ContentTransferMethod"]
