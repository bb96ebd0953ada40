"""The two published rule sets for what follows the sums of a KPU layer.

Which of them the silicon follows is not known. They differ in which segment of the activation
table is taken for a value that equals a start, and in how the quotient is rounded.
"""

from __future__ import annotations

from typing import Literal, get_args

from harness.errors import UsageError

Rules = Literal["nncase-0.1", "nncase-0.2"]
RULES: tuple[Rules, ...] = get_args(Rules)


def check_rules(rules: str) -> Rules:
    """Return the name of a rule set.

    Raises:
        UsageError: There is none of that name.
    """
    for known in RULES:
        if rules == known:
            return known
    raise UsageError(f"there is no rule set {rules!r}", f"choose from: {', '.join(RULES)}")
