"""Kmodels of one generation as those of another: v5, as nncase 1.9 writes, for stock firmware."""
