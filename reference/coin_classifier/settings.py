"""Options of a training: names, defaults, limits, and what they mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from harness.errors import MethodError
from reference.coin_classifier.structure import SIZES, WIDTHS


def _one_of(allowed: tuple[float, ...]) -> tuple[Callable[[float], bool], str]:
    return (lambda value: value in allowed), f"one of {', '.join(map(str, allowed))}"


def _between(low: float, high: float) -> tuple[Callable[[float], bool], str]:
    return (lambda value: low <= value <= high), f"from {low:g} to {high:g}"


def _option(default: float, limit: tuple[Callable[[float], bool], str], text: str) -> Any:  # noqa: ANN401  dataclasses.field is typed as the field's own type
    return field(default=default, metadata={"limit": limit, "help": text})


@dataclass(frozen=True)
class Settings:
    """How the network is built and trained; the help of each option says what it is."""

    width: float = _option(0.25, _one_of(WIDTHS), "width multiplier")
    size: int = _option(128, _one_of(SIZES), "side of the input in pixels")
    batch: int = _option(64, _between(2, 1024), "most pictures a step")
    lr: float = _option(0.02, _between(1e-6, 1.0), "highest learning rate of the schedule")
    weight_decay: float = _option(0.05, _between(0, 1), "decay of weights, not of batch norm")
    dropout: float = _option(0.1, _between(0, 0.9), "share of pooled features dropped")
    smoothing: float = _option(0.1, _between(0, 0.9), "label smoothing")
    average: float = _option(0.98, _between(0, 0.9999), "decay of the running weight average")
    patience: int = _option(
        0, _between(0, 10_000), "stop after so many epochs without a lower validation loss; 0: off"
    )

    @classmethod
    def parse(cls, texts: Mapping[str, str]) -> Settings:
        """Read options given as text.

        Raises:
            MethodError: A name is unknown, or a value is no number or out of its limits.
        """
        known = {option.name: option for option in fields(cls)}
        unknown = sorted(set(texts) - set(known))
        if unknown:
            raise MethodError(
                f"coin_classifier has no option {unknown[0]!r}", f"choose from: {', '.join(known)}"
            )
        return cls(**{name: _value(name, text) for name, text in texts.items()})

    @classmethod
    def described(cls) -> dict[str, tuple[Any, str]]:
        """Return default and help of each option, by name."""
        return {
            option.name: (option.default, f"{option.metadata['help']} ({_limit_text(option.name)})")
            for option in fields(cls)
        }


def _value(name: str, text: str) -> Any:  # noqa: ANN401  int or float, as the field says
    option = next(option for option in fields(Settings) if option.name == name)
    kind = int if isinstance(option.default, int) else float
    kept, limit_text = option.metadata["limit"]
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if not kept(value):
        raise MethodError(
            f"coin_classifier cannot take {name}={text}", f"give {name} a value {limit_text}"
        )
    return value


def _limit_text(name: str) -> str:
    option = next(option for option in fields(Settings) if option.name == name)
    return str(option.metadata["limit"][1])
