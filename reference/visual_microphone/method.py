"""The Visual Microphone behind the interface of all methods.

PyTorch is imported where it is needed, so that listing the methods stays quick.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.method import (
    Deployable,
    EvaluationSet,
    Fold,
    InputContract,
    MethodInfo,
    Tolerance,
    TrainJob,
)
from reference.shipped import weights_file
from reference.training.folds import refuse_folds
from reference.visual_microphone.settings import NAME, Settings
from reference.visual_microphone.structure import (
    FEWEST_FRAMES,
    RANGE,
    SIDE,
    deployed_macs,
    deployed_parameters,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.method import Tensors
    from reference.visual_microphone.checkpoint import Checkpoint
    from reference.visual_microphone.data import Footage
    from reference.visual_microphone.filters import Sound

OUTPUT = "maps"
WEIGHTS = "visual_microphone.safetensors"
# What 8 bits cost the maps; the sound, which is a mean over all of them, loses next to nothing.
MAPS_SNR_DB = 30.0
PAPER = (
    "Davis et al., The Visual Microphone: Passive Recovery of Sound from Video, SIGGRAPH 2014, "
    "https://doi.org/10.1145/2601097.2601119"
)


@dataclass(frozen=True)
class Listening(Deployable):
    """The filters, with the video that they are to hear.

    Attributes:
        footage: The video.
        settings: How it is listened to.
    """

    footage: Footage | None = None
    settings: Settings = field(default_factory=Settings)


class VisualMicrophone:
    """Silent video of a thing that trembles → the sound that it trembles with."""

    def info(self) -> MethodInfo:
        """Say what this method is; see `harness.method.Method.info`."""
        return MethodInfo(
            name=NAME,
            title="Sound from the small motions in a silent video",
            paper=PAPER,
            input=InputContract(shape=(1, SIDE, SIDE), color="GRAY", range=RANGE),
            parameters=deployed_parameters(),
            macs=deployed_macs(),
            options=Settings.described(),
        )

    def shipped(self) -> Path:
        """Return the filters for the rendered scene; see `harness.method.Shipping`."""
        return weights_file(WEIGHTS)

    def train(self, job: TrainJob) -> Path:
        """Fit the filters to a rendered scene or a video; see `harness.method.Method.train`."""
        from reference.visual_microphone.train import train

        return train(job)

    def deployable(
        self, checkpoint: Path, data: Path | None = None, fold: Fold | None = None
    ) -> Listening:
        """Load filters; calibrate on frames that are not listened to, where there are any.

        Raises:
            MethodError: The checkpoint is none of this method, or a fold was asked for.
            DataError: The video cannot be used.
        """
        from reference.visual_microphone.checkpoint import read_checkpoint
        from reference.visual_microphone.data import contract, load

        refuse_folds(NAME, fold)
        trained = read_checkpoint(checkpoint)
        settings, seed = trained.settings, int(trained.job["seed"])
        footage = load(data, settings, seed)
        ids = tuple(f"frame {number}" for number in range(len(footage.frames)))
        return Listening(
            name=NAME,
            module=trained.filters(),
            contract=contract(settings),
            outputs=(OUTPUT,),
            calibration=footage.other[:, None],
            evaluation=EvaluationSet(ids, footage.frames[:, None]),
            tolerance={OUTPUT: Tolerance(snr_db=MAPS_SNR_DB)},
            metrics=_metrics(trained, footage),
            seeds={"scene": seed},
            warnings=footage.warnings,
            footage=footage,
            settings=settings,
        )

    def artefacts(
        self,
        deployable: Deployable,
        kmodel: Path,  # noqa: ARG002  the interface of all methods
        training: Path,  # noqa: ARG002
        out: Path,
    ) -> Mapping[str, str]:
        """Write the sound of the whole video; see `harness.method.Method`."""
        from reference.visual_microphone.artefacts import write_artefacts

        assert isinstance(deployable, Listening)
        assert deployable.footage is not None
        return write_artefacts(deployable.footage, deployable.settings, out)


def _metrics(
    trained: Checkpoint, footage: Footage
) -> Callable[[Tensors, EvaluationSet], dict[str, float]]:
    """Return how a backend's maps are judged: by the sound in them.

    By what the steerable pyramid hears of the same pixels, and by the true sound where that is
    known. A few frames are no sound, and give no figures.
    """
    settings = trained.settings
    # All backends get the same frames.
    known: dict[bytes, Sound] = {}

    def metrics(outputs: Tensors, evaluation: EvaluationSet) -> dict[str, float]:
        from reference.visual_microphone.listening import judged, sound_of_maps
        from reference.visual_microphone.recovery import recover

        if len(evaluation) < FEWEST_FRAMES:
            return {}
        rate, cutoff = footage.rate, footage.cutoff(settings)
        heard = sound_of_maps(outputs[OUTPUT], rate, cutoff).sound
        frames = evaluation.inputs[:, 0]
        which = hashlib.sha256(frames.tobytes()).digest()
        if which not in known:
            known.clear()
            whole = recover(frames, rate, settings.scales, settings.orientations, cutoff)
            known[which] = whole.sound
        against = judged(heard, known[which], rate, cutoff)
        found = {f"pyramid_{name}": value for name, value in against.items()}
        if footage.true is not None:
            found |= judged(heard, footage.true[: len(heard)], rate, cutoff)
        return found

    return metrics
