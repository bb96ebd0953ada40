"""The command line: `k210`."""

from harness.cli.app import main

__all__ = ["main"]
