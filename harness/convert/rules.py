"""From an operation's type to the rule that rewrites it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.convert.conversion import Refused
from harness.convert.draft import Draft
from harness.kmodel.memory import Buffer
from harness.kmodel.operations import Operation

Rule = Callable[..., "Written"]


@dataclass(frozen=True)
class Written:
    """What an operation became.

    Attributes:
        outputs: Its outputs in the draft.
        why: Why the bits are the same; empty if it is the same operation.
    """

    outputs: tuple[Buffer, ...]
    why: str = ""


@dataclass
class Rules:
    """The rules of one version, found by type."""

    by_type: dict[type[Operation], Rule]

    def __call__(self, kind: type[Operation]) -> Callable[[Rule], Rule]:
        """Register the rule of a type."""

        def register(rule: Rule) -> Rule:
            self.by_type[kind] = rule
            return rule

        return register

    def apply(self, draft: Draft, operation: Operation, *inputs: Any) -> Written:  # noqa: ANN401
        """Rewrite an operation.

        Raises:
            Refused: There is no way.
        """
        if type(operation) not in self.by_type:
            if operation.kind() in {kind.kind() for kind in draft.kinds}:
                raise Refused(f"the version computes a {operation.kind()} in another way")
            raise Refused("there is no such operation, and no way to make it of others")
        return self.by_type[type(operation)](draft, operation, *inputs)
