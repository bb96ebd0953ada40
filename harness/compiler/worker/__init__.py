"""nncase in a process of its own: it needs CPython 3.7 to 3.10, the harness 3.11 or newer."""
