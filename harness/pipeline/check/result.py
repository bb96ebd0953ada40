"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass

from harness.compiler.build import CompiledModel
from harness.compiler.legalise import Applied
from harness.convert.budget import Budget
from harness.kmodel.firmware import Firmware
from harness.timing import Prediction


@dataclass(frozen=True)
class Layer:
    """One layer of the user's model.

    Attributes:
        name: PyTorch name of the module, or name of the node in a file.
        kind: Class of the module, or operator type.
        kpu: Operations that run on the KPU.
        cpu: Operations that run on the CPU; nncase's conversions and copies are not among them.
        reasons: Why those are not on the KPU.
        rewrites: What the legaliser made of it.
    """

    name: str
    kind: str
    kpu: tuple[str, ...] = ()
    cpu: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    rewrites: tuple[Applied, ...] = ()

    @property
    def units(self) -> str:
        """Where it runs; fused, where it became a part of other layers."""
        found = [unit for unit, one in (("KPU", self.kpu), ("CPU", self.cpu)) if one]
        return " + ".join(found) or "fused"


@dataclass(frozen=True)
class Offer:
    """A rewrite that was not applied and could be asked for.

    Attributes:
        request: What to say: NAME=MODE.
        layers: Where it would change something.
        becomes: What would stand there, at the first of them.
        cost: What that costs there.
    """

    request: str
    layers: tuple[str, ...]
    becomes: str
    cost: str


@dataclass(frozen=True)
class Fit:
    """Whether a firmware can run the model.

    Attributes:
        firmware: The profile.
        version: Kmodel version that it would load.
        budget: What the converted model needs; None if it cannot be converted.
        refusal: Why it cannot run; empty if it can.
    """

    firmware: Firmware
    version: int
    budget: Budget | None
    refusal: str


@dataclass(frozen=True)
class Measures:
    """Figures of a compiled model.

    Attributes:
        kpu_share: Share of the multiply-accumulates that the KPU does.
        macs: Multiply-accumulates that are done.
        kpu_bytes: KPU memory that is used.
        main_bytes: Main memory for tensors, as nncase 1.9 lays them out.
        prediction: Predicted times.
    """

    kpu_share: float
    macs: int
    kpu_bytes: int
    main_bytes: int
    prediction: Prediction


@dataclass(frozen=True)
class Check:
    """What a check found.

    Attributes:
        name: The model.
        layers: In running order.
        offers: What the legaliser could do on request.
        compiled: The compiled model; None if it is too large for the KPU.
        measures: Its figures; None if it is too large.
        too_large: Layers whose maps do not fit the KPU memory, with what they need.
        fits: Every firmware, or the one that was asked for.
        noise: Whether calibration was with noise.
        not_finite: Weights that hold values that are no numbers, with how many.
    """

    name: str
    layers: tuple[Layer, ...]
    offers: tuple[Offer, ...]
    compiled: CompiledModel | None
    measures: Measures | None
    too_large: tuple[str, ...]
    fits: tuple[Fit, ...]
    noise: bool
    not_finite: tuple[str, ...] = ()

    @property
    def on_kpu(self) -> tuple[Layer, ...]:
        """The layers of which something runs on the KPU."""
        return tuple(layer for layer in self.layers if layer.kpu)

    @property
    def on_cpu(self) -> tuple[Layer, ...]:
        """The layers of which something runs on the CPU."""
        return tuple(layer for layer in self.layers if layer.cpu)

    @property
    def loads(self) -> bool:
        """Whether a firmware can run it: the one that was asked for, or any."""
        return any(not fit.refusal for fit in self.fits)

    def passes(self, least_share: float | None = None) -> bool:
        """Return whether all is well.

        Args:
            least_share: Share of the multiply-accumulates on the KPU that is enough; None to
                have every layer there.
        """
        if self.measures is None or not self.loads or self.not_finite or not self.on_kpu:
            return False
        if least_share is None:
            return not self.on_cpu
        return self.measures.kpu_share >= least_share
