"""What a gate puts up with: a TOML file, checked to the last word.

```toml
false_alarm = 0.04            # how often a gate may fail where nothing changed
detect = 0.05                 # a loss of this size has to be findable, or there is not enough data

[metrics.accuracy]            # for every method
better = "higher"
limit = 0.005                 # a loss up to this is put up with, even where it is certain

[methods.simgan.metrics.gaze_error_deg]
better = "lower"
limit = 0.2

[latency]
backends = ["board"]
limit = 0.03                  # a run may be slower by this share, beside its spread
```
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import GateError
from harness.gate.statistics.paired import Better

# Words by which an error is told from a share of right answers, where no threshold says.
_ERRORS = ("error", "loss", "distance", "rmse", "mae", "mse", "epe", "bad", "deviation", "drift")

Share = Annotated[float, Field(ge=0, lt=1)]


class _Checked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MetricRule(_Checked):
    """How one figure is judged. `limit` is in its own units."""

    better: Better
    limit: Annotated[float, Field(ge=0)] = 0.0


class LatencyRule(_Checked):
    """How latencies are judged; those of a PC's simulators say nothing about the chip."""

    backends: tuple[str, ...] = ("board",)
    limit: Share = 0.03


class MethodRules(_Checked):
    """What is different for one method."""

    metrics: Mapping[str, MetricRule] = Field(default_factory=dict)
    latency: LatencyRule | None = None


class Thresholds(_Checked):
    """The whole file."""

    false_alarm: Annotated[float, Field(gt=0, le=0.5)] = 0.04
    detect: Annotated[float, Field(gt=0, lt=1)] = 0.05
    fidelity_limit: Annotated[float, Field(ge=0)] = 0.001
    metrics: Mapping[str, MetricRule] = Field(default_factory=dict)
    latency: LatencyRule = LatencyRule()
    methods: Mapping[str, MethodRules] = Field(default_factory=dict)

    def rule(self, method: str, metric: str) -> MetricRule:
        """Return how a figure of a method is judged; its name decides where nothing else does."""
        own = self.methods.get(method, MethodRules()).metrics
        return own.get(metric) or self.metrics.get(metric) or MetricRule(better=_guess(metric))

    def latency_rule(self, method: str) -> LatencyRule:
        """Return how a method's latencies are judged."""
        return self.methods.get(method, MethodRules()).latency or self.latency


def read_thresholds(path: Path | None) -> Thresholds:
    """Read a file of thresholds; None gives the built-in ones.

    Raises:
        GateError: The file is missing, is no TOML, or has a word or a value that means nothing.
    """
    if path is None:
        return Thresholds()
    try:
        return Thresholds.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise GateError(f"{path} cannot be read: {error.strerror}", "check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GateError(f"{path} is no TOML: {error}", "see the page on gates") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise GateError(f"{path}: {where}: {first['msg']}", "see the page on gates") from error


def _guess(metric: str) -> Better:
    words = metric.lower().replace("-", "_").replace(" ", "_").split("_")
    return "lower" if any(word in _ERRORS for word in words) else "higher"
