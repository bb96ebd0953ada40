"""What `--fix` tries: small changes to a model or its compilation, kept where they measurably help.

Each fix is a file: what it is called, what it costs, and what it does to a recipe. `search` tries
them on images that calibration has not seen.
"""
