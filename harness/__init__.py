"""k210-harness: does the model on the chip still do what the PyTorch model does?

Importing this package is cheap on purpose: PyTorch is loaded by the rooms that need it,
when they need it.
"""

__version__ = "0.1.0"
