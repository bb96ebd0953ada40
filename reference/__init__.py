"""Reference PyTorch implementations, one folder a method."""
