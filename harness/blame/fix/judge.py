"""Whether a change helps: the same images before and after, and how sure the difference is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.method import EvaluationSet

Outputs = Mapping[str, npt.NDArray[np.floating]]
Indices = npt.NDArray[np.int64]
Metrics = Callable[[Mapping[str, npt.NDArray[np.float32]], EvaluationSet], dict[str, float]]

# Fewer images a half than this, and resampling them says nothing.
LEAST = 6
RESAMPLES = 1000
_SEED = 7
SNR = "SNR"


@dataclass(frozen=True)
class Gain:
    """One half of the images before and after a change.

    Attributes:
        before: The metric before.
        after: And behind it.
        low: Lower end of the 95 % interval of the improvement, positive being better.
        high: Its upper end.
    """

    before: float
    after: float
    low: float
    high: float

    @property
    def sure(self) -> bool:
        """Whether it is better beyond the chance of which images were taken."""
        return self.low > 0


@dataclass(frozen=True)
class Judge:
    """Compares outputs with those of the float model, or by a task metric.

    Attributes:
        floats: The float model's outputs [N, …] by name.
        evaluation: The N images with what the task metric needs; None without one.
        metrics: The task metrics; None for none.
        metric: Which one is judged by; `SNR` for the signal-to-noise ratio in dB.
        sign: 1 where more is better, -1 where less is.
    """

    floats: Outputs
    evaluation: EvaluationSet | None = None
    metrics: Metrics | None = None
    metric: str = SNR
    sign: int = 1
    halves: tuple[Indices, Indices] = field(init=False)

    def __post_init__(self) -> None:
        count = len(next(iter(self.floats.values())))
        if count < 2 * LEAST:
            raise UsageError(
                f"{count} images, which calibration has not seen, cannot show what helps",
                f"give at least {2 * LEAST}",
            )
        shuffled = np.random.default_rng(_SEED).permutation(count)
        object.__setattr__(self, "halves", (shuffled[: count // 2], shuffled[count // 2 :]))

    def compare(self, before: Outputs, after: Outputs, half: int) -> Gain:
        """Compare two sets of outputs on one half: 0 chooses, 1 confirms.

        The interval is of the paired difference, by resampling images (Efron's bootstrap).
        """
        places = self.halves[half]
        rng = np.random.default_rng(_SEED)
        drawn = places[rng.integers(0, len(places), (RESAMPLES, len(places)))]
        values = [self._many(outputs, drawn) for outputs in (before, after)]
        low, high = np.percentile(self.sign * (values[1] - values[0]), (2.5, 97.5))
        first, last = (float(self._many(outputs, places[None])[0]) for outputs in (before, after))
        return Gain(first, last, float(low), float(high))

    def by_task(self, before: Outputs) -> Judge:
        """Return the judge by the first task metric in which a model falls short of float.

        A metric by which it does not, or not measurably on all images, cannot show what helps:
        then the signal-to-noise ratio judges.
        """
        if self.metrics is None or self.evaluation is None:
            return self
        for name in self.metrics(_float32(self.floats), self.evaluation):
            for sign in (1, -1):
                task = Judge(self.floats, self.evaluation, self.metrics, name, sign)
                gains = [task.compare(before, self.floats, half) for half in (0, 1)]
                if all(gain.sure for gain in gains):
                    return task
        return self

    def _many(self, outputs: Outputs, drawn: Indices) -> npt.NDArray[np.float64]:
        """Return the metric on each row of places [R, n]."""
        if self.metric != SNR:
            return np.array([self._task(outputs, row) for row in drawn])
        signal, noise = self._powers(outputs)
        ratio = signal[drawn].sum(axis=1) / np.maximum(noise[drawn].sum(axis=1), 1e-30)
        return np.asarray(10 * np.log10(np.maximum(ratio, 1e-30)))

    def _powers(self, outputs: Outputs) -> tuple[npt.NDArray[np.float64], ...]:
        """Return signal and noise of each image, outputs of different sizes weighing the same."""
        count = len(next(iter(self.floats.values())))
        signal, noise = np.zeros(count), np.zeros(count)
        for name, exact in self.floats.items():
            flat = np.asarray(exact, np.float64).reshape(count, -1)
            found = np.asarray(outputs[name], np.float64).reshape(count, -1)
            unit = max(float((flat**2).sum()), 1e-30)
            signal += (flat**2).sum(axis=1) / unit
            noise += ((flat - found) ** 2).sum(axis=1) / unit
        return signal, noise

    def _task(self, outputs: Outputs, places: Indices) -> float:
        assert self.evaluation is not None
        assert self.metrics is not None
        known = self.evaluation
        part = EvaluationSet(
            tuple(f"{place}.{index}" for index, place in enumerate(places)),
            known.inputs[places],
            None if known.labels is None else known.labels[places],
            known.classes,
        )
        return self.metrics(
            {name: value[places] for name, value in _float32(outputs).items()}, part
        )[self.metric]


def _float32(outputs: Outputs) -> dict[str, npt.NDArray[np.float32]]:
    return {name: np.asarray(value, np.float32) for name, value in outputs.items()}
