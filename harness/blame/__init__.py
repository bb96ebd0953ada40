"""Which stage between PyTorch and the board is to blame, and which layers cost the most."""
