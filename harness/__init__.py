"""Tell whether a model on the K210 still does what its PyTorch model does.

Importing this package is cheap on purpose: PyTorch is loaded by the rooms that need it,
when they need it.
"""

__version__ = "0.1.0"
