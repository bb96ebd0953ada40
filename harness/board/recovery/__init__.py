"""Bringing a silent board back, rung by rung, and putting away one that does not come back."""
