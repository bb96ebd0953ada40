"""Data sets on disk: V-Training archives, splits, and pictures as a contract wants them."""
