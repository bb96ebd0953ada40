"""Try fixes one upon the other, and keep what measurably helps.

The images to judge by are none that calibration saw, in two halves: the first chooses the best
change, the second has to confirm it. Only where the 95 % intervals of the improvement lie above
zero on both halves is a change kept, and the search goes on from there. What leaves the model as
fast as it was comes first; what slows it down is tried upon that, where that is not near enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

import harness.backends as backends
from harness.backends.base import Subject
from harness.blame.fix.base import Fix, Images, Recipe
from harness.blame.fix.calibration import CalibrationMethod, MoreImages
from harness.blame.fix.costs import Cost, cost_of
from harness.blame.fix.equalise import Equalise
from harness.blame.fix.fallback import float_layers
from harness.blame.fix.floats import float_outputs
from harness.blame.fix.judge import LEAST, SNR, Gain, Judge, Metrics
from harness.blame.fix.tried import Tried, Try
from harness.compiler.build import CompiledModel
from harness.compiler.source import Source
from harness.compiler.worker.checks import CALIBRATION_METHODS
from harness.errors import HarnessError
from harness.method import EvaluationSet
from harness.progress import SILENT, Progress

MOST_COMPILATIONS = 32
# With so many calibration images or more, others are not held back to be added.
ENOUGH = 16
# Gains below these are not worth another model, where SNR judges: one that is as fast, and one
# that is slower or larger.
WORTH_DB, WORTH_COSTLY_DB = 1.0, 3.0
# A model that is as near to float as this is not made slower to come nearer.
NEAR_DB = 30.0
# How many of a round are held against the second half, the best first: each more would make it
# likelier that one is kept by chance.
CONFIRMED = 2

Outputs = Mapping[str, npt.NDArray[np.float32]]
# Tells a progress bar of a step and what came of it.
Tell = Callable[[int, str], None]


@dataclass
class _Candidate:
    """A recipe that was compiled and run on all images."""

    recipe: Recipe
    compiled: CompiledModel
    outputs: Outputs
    cost: Cost


@dataclass
class _Search:
    """The state of a search."""

    images: Images
    left: int
    rows: list[Try] = field(default_factory=list)
    used: int = 0

    def run(self, recipe: Recipe) -> _Candidate:
        """Compile a recipe and run all images.

        Raises:
            CompileError: nncase refuses it.
            SimulationError: It cannot be simulated.
        """
        self.used += 1
        self.left -= 1
        compiled = recipe.compile()
        names = tuple(output.name for output in compiled.contract.outputs)
        subject = Subject(recipe.source.contract, names, None, compiled.kmodel)
        outputs = backends.get("kpu").run(subject, self.images).outputs
        return _Candidate(
            recipe, compiled, outputs, cost_of(compiled.stock.data or compiled.kmodel)
        )


def standard_fixes(source: Source, spare: Images, costly: Sequence[str] = ()) -> tuple[Fix, ...]:
    """Return all that is worth trying.

    Args:
        source: The model.
        spare: uint8 [N, C, H, W], more images for calibration; may be none.
        costly: ONNX nodes of the layers that lose most, the worst first.
    """
    return (
        MoreImages(spare),
        Equalise("maps"),
        Equalise("weights"),
        Equalise("maps", relu=True),
        Equalise("weights", relu=True),
        *(CalibrationMethod(name) for name in CALIBRATION_METHODS),
        *float_layers(source, costly),
    )


def try_fixes(
    recipe: Recipe,
    images: Images,
    *,
    costly: Sequence[str] = (),
    labels: EvaluationSet | None = None,
    metrics: Metrics | None = None,
    fixes: Sequence[Fix] | None = None,
    most: int = MOST_COMPILATIONS,
    progress: Progress = SILENT,
) -> Tried:
    """Search for what helps.

    Args:
        recipe: The model as it was compiled.
        images: uint8 [N, C, H, W] to judge by; those that are among the calibration images are
            left out, and where calibration saw few, a third may be added to those.
        costly: ONNX nodes of the layers that lose most, the worst first.
        labels: The same N images as `images` with what `metrics` needs.
        metrics: Task metrics; judged by where the model falls measurably short in one of them.
        fixes: What to try; None for all.
        most: How many compilations at most; equal ones come from the cache.
        progress: Who is told.

    Raises:
        UsageError: There are too few images to tell what helps.
        CompileError: The recipe itself does not compile.
    """
    judging, spare = _divided(recipe, images)
    judge = Judge(
        float_outputs(recipe.source, images[judging]),
        _subset(labels, judging) if labels is not None else None,
        metrics if labels is not None else None,
    )
    waiting = list(standard_fixes(recipe.source, images[spare], costly) if fixes is None else fixes)
    search = _Search(images[judging], most)
    with progress.task("fix", most) as task:
        first = best = search.run(recipe)
        judge = judge.by_task(first.outputs)
        task.advance(1, "as it is")
        best = _rounds(search, judge, best, [fix for fix in waiting if fix.free], task.advance)
        best = _rounds(search, judge, best, [fix for fix in waiting if not fix.free], task.advance)
    return Tried(
        metric=judge.metric,
        images=(len(judge.halves[0]), len(judge.halves[1])),
        rows=tuple(search.rows),
        recipe=best.recipe,
        compiled=best.compiled,
        total=judge.compare(first.outputs, best.outputs, 1),
        compilations=search.used,
    )


def _divided(recipe: Recipe, images: Images) -> tuple[list[int], list[int]]:
    """Return the places of the images to judge by, and of those that calibration may have."""
    seen = {image.tobytes() for image in recipe.calibration}
    unseen = [place for place, image in enumerate(images) if image.tobytes() not in seen]
    if len(recipe.calibration) >= ENOUGH or len(unseen) < 3 * LEAST:
        return unseen, []
    spare = unseen[::3]
    return [place for place in unseen if place not in set(spare)], spare


def _subset(labels: EvaluationSet, places: Sequence[int]) -> EvaluationSet:
    return EvaluationSet(
        tuple(labels.ids[place] for place in places),
        labels.inputs[places],
        None if labels.labels is None else labels.labels[places],
        labels.classes,
    )


def _rounds(
    search: _Search, judge: Judge, best: _Candidate, fixes: Sequence[Fix], tell: Tell
) -> _Candidate:
    """Add the best change to what is kept, until none helps or the compilations are spent."""
    waiting = list(fixes)
    while waiting and search.left > 0 and (waiting[0].free or not _near(judge, best)):
        found = [one for fix in waiting if (one := _try(search, judge, best, fix, tell))]
        found.sort(key=lambda one: -_improvement(judge, one.gain))
        kept = next((one for one in found[:CONFIRMED] if _confirm(search, judge, best, one)), None)
        _note_rest(search, judge, best, [one for one in found if one is not kept], kept)
        if kept is None:
            return best
        best = kept.candidate
        waiting = [
            one.fix for one in found if one is not kept and _improvement(judge, one.gain) > 0
        ]
    return best


def _near(judge: Judge, best: _Candidate) -> bool:
    """Return whether a model is near enough to float not to be made slower."""
    return judge.metric == SNR and all(
        judge.compare(best.outputs, best.outputs, half).before >= NEAR_DB for half in (0, 1)
    )


@dataclass
class _Promise:
    """A fix that was measured on the first half."""

    fix: Fix
    candidate: _Candidate
    gain: Gain
    confirmed: Gain | None = None


def _try(search: _Search, judge: Judge, best: _Candidate, fix: Fix, tell: Tell) -> _Promise | None:
    """Measure a fix on the first half; None where it does not apply or cannot be compiled."""
    if search.left <= 0:
        return None
    onto = best.recipe.applied
    try:
        recipe = fix.apply(best.recipe)
        if recipe is None:
            return None
        candidate = search.run(recipe)
    except HarnessError as error:
        search.rows.append(
            Try(fix.name, fix.family, onto, None, None, False, fix.cost, f"failed: {error.cause}")
        )
        return None
    gain = judge.compare(best.outputs, candidate.outputs, 0)
    tell(1, f"{fix.name}: {gain.before:.1f} → {gain.after:.1f}")
    return _Promise(fix, candidate, gain)


def _improvement(judge: Judge, gain: Gain) -> float:
    return judge.sign * (gain.after - gain.before)


def _confirm(search: _Search, judge: Judge, best: _Candidate, one: _Promise) -> bool:
    """Look at the second half, where the first is sure; keep the fix if that is, too."""
    if not one.gain.sure or not _worth(judge, best, one):
        return False
    one.confirmed = judge.compare(best.outputs, one.candidate.outputs, 1)
    if not one.confirmed.sure:
        return False
    search.rows.append(_row(best, one, ""))
    return True


def _worth(judge: Judge, best: _Candidate, one: _Promise) -> bool:
    """Return whether a gain is large enough for what it costs, as predicted for this model."""
    return judge.metric != SNR or _improvement(judge, one.gain) >= _asked(best, one)


def _asked(best: _Candidate, one: _Promise) -> float:
    """Return how much a fix has to gain in dB: more where it makes the model slower."""
    free = one.fix.free and not one.candidate.cost.above(best.cost)
    return WORTH_DB if free else WORTH_COSTLY_DB


def _note_rest(
    search: _Search,
    judge: Judge,
    best: _Candidate,
    rest: Sequence[_Promise],
    kept: _Promise | None,
) -> None:
    """Write down what was tried in a round and not kept, each with its reason."""
    for one in rest:
        search.rows.append(_row(best, one, _reason(judge, best, one, kept)))


def _reason(judge: Judge, best: _Candidate, one: _Promise, kept: _Promise | None) -> str:
    if not one.gain.sure:
        return "no sure gain on the images that choose"
    if one.confirmed is not None:
        return "no sure gain on the images that confirm"
    if not _worth(judge, best, one):
        asked = f"{_asked(best, one):g} dB"
        return f"gains {_improvement(judge, one.gain):.1f} dB, and {asked} are asked of it"
    if kept is not None:
        return f"{kept.fix.name} gains more, and is kept first"
    return f"not confirmed: the {CONFIRMED} that gain more were not either"


def _row(best: _Candidate, one: _Promise, reason: str) -> Try:
    cost = f"{one.fix.cost}; {one.candidate.cost.against(best.cost)}"
    onto = best.recipe.applied
    return Try(
        one.fix.name, one.fix.family, onto, one.gain, one.confirmed, not reason, cost, reason
    )
