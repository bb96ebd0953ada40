"""Where the rules of v3 put themselves."""

from __future__ import annotations

from harness.convert.rules import Rules

rule = Rules({})
