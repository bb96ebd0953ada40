"""Timing profiles: prices fitted to the user's own board, in a JSON file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import UsageError
from harness.files import write_text
from harness.timing.prediction import Law
from harness.timing.prices import PRICES


class _Profile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")

    schema_: Literal[1] = Field(1, alias="schema")
    origin: str
    span: float = Field(gt=0, le=1)
    measurements: int = Field(ge=1)
    prices_ns: dict[str, float]


def write_law(path: Path, law: Law, measurements: int) -> None:
    """Write a timing profile, whole or not at all."""
    profile = _Profile(
        schema=1,
        origin=law.origin,
        span=law.span,
        measurements=measurements,
        prices_ns={name: price.ns for name, price in law.prices.items()},
    )
    write_text(path, profile.model_dump_json(indent=2, by_alias=True) + "\n")


def read_law(path: Path) -> Law:
    """Read a timing profile. Prices that it lacks are those of the published figures.

    Raises:
        UsageError: It cannot be read, is none, or has a price that is not above zero.
    """
    remedy = "make one with k210 fit RUN… --out FILE"
    try:
        profile = _Profile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"timing profile {path}: {error.strerror}", remedy) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UsageError(f"timing profile {path}: {where}: {first['msg']}", remedy) from error
    for name, value in profile.prices_ns.items():
        if name not in PRICES or not 0 < value < float("inf"):
            raise UsageError(f"timing profile {path}: price {name} = {value} is none", remedy)
    prices = {
        name: replace(price, ns=profile.prices_ns.get(name, price.ns))
        for name, price in PRICES.items()
    }
    return Law(prices, profile.span, profile.origin)
