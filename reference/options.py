"""Options of a training as text: names, defaults, limits, and what they mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

from harness.errors import MethodError

# Whether a value is kept, and the words that say which are.
Limit = tuple[Callable[[Any], bool], str]


def one_of(*allowed: float | str) -> Limit:
    """Allow these values only."""
    return (lambda value: value in allowed), f"one of {', '.join(map(str, allowed))}"


def between(low: float, high: float) -> Limit:
    """Allow all values from `low` to `high`, both included."""
    return (lambda value: low <= value <= high), f"from {low:g} to {high:g}"


def option(default: float | str, limit: Limit, text: str) -> Any:  # noqa: ANN401  dataclasses.field is typed as the field's own type
    """Return a dataclass field with its limit and one line of help."""
    return field(default=default, metadata={"limit": limit, "help": text})


@dataclass(frozen=True)
class Options:
    """Base of a method's settings: frozen dataclasses whose fields `option` makes.

    Attributes:
        METHOD: Name of the method, for its messages.
    """

    METHOD: ClassVar[str]

    @classmethod
    def parse(cls, texts: Mapping[str, str]) -> Self:
        """Read options given as text.

        Raises:
            MethodError: A name is unknown, or a value is no number or out of its limits.
        """
        known = {one.name for one in fields(cls)}
        unknown = sorted(set(texts) - known)
        if unknown:
            names = ", ".join(one.name for one in fields(cls))
            raise MethodError(f"{cls.METHOD} has no option {unknown[0]!r}", f"choose from: {names}")
        return cls(**{name: cls._value(name, text) for name, text in texts.items()})

    @classmethod
    def described(cls) -> dict[str, tuple[Any, str]]:
        """Return default and help of each option, by name."""
        return {
            one.name: (one.default, f"{one.metadata['help']} ({one.metadata['limit'][1]})")
            for one in fields(cls)
        }

    @classmethod
    def _value(cls, name: str, text: str) -> Any:  # noqa: ANN401  int, float or str, as the field says
        one = next(one for one in fields(cls) if one.name == name)
        kept, limit_text = one.metadata["limit"]
        kind: type = type(one.default)
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not kept(value):
            raise MethodError(
                f"{cls.METHOD} cannot take {name}={text}", f"give {name} a value {limit_text}"
            )
        return value
