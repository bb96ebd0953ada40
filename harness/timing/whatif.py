"""What would it take if: a program's steps changed as its network might be.

Shapes change and nothing else: a network changed so has to be trained again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from harness.errors import UsageError
from harness.timing.steps import TRANSFERS, CpuStep, KpuStep, Step
from harness.timing.subject import Subject

FORMS = "width=0.5, input=160x120, stride=early, stride=late, or replace=KIND"
LEAST_SIDE, MOST_WIDTH, MOST_HEIGHT, MOST_CHANNELS = 4, 512, 256, 1024
CONVERSIONS = frozenset({"convert", "copy", "dequantize", "quantize"})


def asked(subject: Subject, question: str) -> Subject:
    """Return a network changed as a question says.

    Args:
        subject: The network.
        question: One of the forms in `FORMS`.

    Raises:
        UsageError: The question cannot be read, or does not fit the network.
    """
    name, _, value = question.partition("=")
    change = _CHANGES.get(name)
    if change is None or not value:
        raise UsageError(f"--what-if {question!r} is no question", FORMS)
    return change(subject, value)


def _width(subject: Subject, value: str) -> Subject:
    try:
        factor = float(value)
    except ValueError:
        factor = 0.0
    if not 0 < factor <= 8:
        raise UsageError(f"--what-if width={value}: not a factor", "e.g. width=0.5")

    def narrower(step: Step) -> Step:
        if isinstance(step, CpuStep):
            if step.name in subject.outside or step.kind == "input":
                return step
            grows = factor if _scales(step) else factor**2
            return replace(
                step, elements=_scaled(step.elements, factor), macs=_scaled(step.macs, grows)
            )
        into, out = step.channels
        if step.name not in subject.first:
            into = _scaled(into, factor)
        if step.name not in subject.heads:
            out = _scaled(out, factor)
        if max(into, out) > MOST_CHANNELS:
            raise UsageError(
                f"--what-if width={value}: {step.name} would have {max(into, out)} channels, a "
                f"KPU layer has at most {MOST_CHANNELS}",
                "a smaller factor",
            )
        copied = step.copied if step.name in subject.heads else _scaled(step.copied, factor)
        return replace(step, channels=(into, out), copied=copied)

    return _mapped(subject, narrower)


def _input(subject: Subject, value: str) -> Subject:
    found = re.fullmatch(r"(\d+)x(\d+)", value)
    width, height = subject.network.size
    if min(width, height) < LEAST_SIDE:
        raise UsageError(
            f"--what-if input={value}: the model's input is no picture", "ask for its width instead"
        )
    if not found:
        raise UsageError(f"--what-if input={value}: not a size", "e.g. input=160x120")
    new = int(found[1]), int(found[2])
    if not (LEAST_SIDE <= new[0] <= MOST_WIDTH and LEAST_SIDE <= new[1] <= MOST_HEIGHT):
        raise UsageError(
            f"--what-if input={value}: the KPU takes {LEAST_SIDE} to {MOST_WIDTH} columns and "
            f"{LEAST_SIDE} to {MOST_HEIGHT} lines",
            "e.g. input=160x120",
        )
    across, down = new[0] / width, new[1] / height

    def resized(step: Step) -> Step:
        if step.name in subject.points:
            return step
        if isinstance(step, CpuStep):
            area = across * down
            return replace(
                step,
                elements=_scaled(step.elements, area),
                macs=_scaled(step.macs, area),
                width=_scaled(step.width, across),
            )
        size = tuple(
            max(LEAST_SIDE, _scaled(side, factor))
            for side, factor in zip(step.size, (across, down), strict=True)
        )
        return replace(step, size=(size[0], size[1]), copied=_scaled(step.copied, across * down))

    changed = _mapped(subject, resized)
    return replace(changed, network=replace(changed.network, size=new))


def _stride(subject: Subject, value: str) -> Subject:
    if value not in ("early", "late"):
        raise UsageError(f"--what-if stride={value}: unknown place", "stride=early or stride=late")
    steps = list(subject.network.steps)
    move = _earlier if value == "early" else _later
    # From the side that maps grow or shrink from, so that one move does not hide the next.
    places = range(len(steps) - 2)
    moved = sum(move(steps, place) for place in (places if value == "early" else reversed(places)))
    if not moved:
        raise UsageError(
            f"--what-if stride={value}: no stride here can move to that side of a depthwise "
            "layer and its 1x1 layer",
            f"the strides there are: {_strides(steps) or 'none'}",
        )
    return replace(subject, network=replace(subject.network, steps=tuple(steps)))


def _strides(steps: Iterable[Step]) -> str:
    layers = (step for step in steps if isinstance(step, KpuStep) and step.stride > 1)
    return ", ".join(f"{layer.name} by {layer.stride}" for layer in layers)


def _earlier(steps: list[Step], place: int) -> bool:
    """Let the layer before a depthwise one stride instead of the 1x1 layer behind it."""
    a, b, c = steps[place : place + 3]
    if not (isinstance(a, KpuStep) and _is_block(b, c) and a.stride == 1 and not a.depthwise):
        return False
    assert isinstance(b, KpuStep)
    assert isinstance(c, KpuStep)
    if c.stride == 1 or a.size != b.size or b.size != c.size or a.copied:
        return False
    small = max(LEAST_SIDE, -(-b.size[0] // c.stride)), max(LEAST_SIDE, -(-b.size[1] // c.stride))
    steps[place : place + 3] = (
        replace(a, stride=c.stride),
        replace(b, size=small),
        replace(c, size=small, stride=1),
    )
    return True


def _later(steps: list[Step], place: int) -> bool:
    """Let the 1x1 layer behind a depthwise one stride instead of the layer before it."""
    a, b, c = steps[place : place + 3]
    if not (isinstance(a, KpuStep) and _is_block(b, c) and a.stride > 1 and not a.copied):
        return False
    assert isinstance(b, KpuStep)
    assert isinstance(c, KpuStep)
    if c.stride != 1 or b.size != c.size:
        return False
    steps[place : place + 3] = (
        replace(a, stride=1),
        replace(b, size=a.size),
        replace(c, size=a.size, stride=a.stride),
    )
    return True


def _is_block(b: Step, c: Step) -> bool:
    both = isinstance(b, KpuStep) and isinstance(c, KpuStep)
    return both and b.depthwise and not c.depthwise and c.kernel == 1  # type: ignore[union-attr]


def _replace(subject: Subject, value: str) -> Subject:
    """Put a 1x1 layer for each operation of a kind, and leave out what only led to and from it."""
    steps = subject.network.steps
    wanted = [step.name for step in steps if value in (step.name, step.kind)]
    on_cpu = sorted({s.kind for s in steps if isinstance(s, CpuStep) and s.kind not in TRANSFERS})
    if not wanted or value not in {*on_cpu, *(s.name for s in steps if s.unit == "CPU")}:
        raise UsageError(
            f"--what-if replace={value}: nothing of that name or kind runs on the CPU",
            f"there is: {', '.join(on_cpu) or 'nothing'}",
        )
    kept: list[Step] = []
    for island in _islands(steps):
        kept += _without(island, frozenset(wanted), steps)
    return replace(subject, network=replace(subject.network, steps=tuple(kept)))


def _islands(steps: tuple[Step, ...]) -> Iterable[list[Step]]:
    """Yield runs of steps: KPU layers, and what lies between two of them."""
    run: list[Step] = []
    for step in steps:
        if run and (run[-1].unit == "KPU") != (step.unit == "KPU"):
            yield run
            run = []
        run.append(step)
    if run:
        yield run


def _without(island: list[Step], wanted: frozenset[str], steps: tuple[Step, ...]) -> list[Step]:
    chosen = [step for step in island if step.name in wanted]
    if not chosen:
        return island
    place = steps.index(island[-1])
    following = next((s for s in steps[place + 1 :] if isinstance(s, KpuStep)), None)
    before = next((s for s in reversed(steps[: steps.index(island[0])]) if s.unit == "KPU"), None)
    model = following or before
    if not isinstance(model, KpuStep):
        return island
    channels = model.channels[0 if following else 1]
    layers: list[Step] = [
        KpuStep(f"{step.name} on the KPU", 1, (channels, channels), model.size, 1, depthwise=False)
        for step in chosen
    ]
    rest = [step for step in island if step.name not in wanted]
    if following and before and all(_converts(s) for s in rest):
        return layers
    return [*layers, *rest] if not following else [*rest, *layers]


def _converts(step: Step) -> bool:
    """Return whether a step but moves data, or is a part of a conversion."""
    if isinstance(step, KpuStep):
        return False
    return step.unit == "move" or step.kind in CONVERSIONS or _scales(step)


def _scales(step: CpuStep) -> bool:
    """Return whether each element has one product: kmodel v4 scales and shifts in that way."""
    return step.macs == step.elements


_CHANGES: dict[str, Callable[[Subject, str], Subject]] = {
    "width": _width,
    "input": _input,
    "stride": _stride,
    "replace": _replace,
}


def _mapped(subject: Subject, change: Callable[[Step], Step]) -> Subject:
    steps = tuple(map(change, subject.network.steps))
    return replace(subject, network=replace(subject.network, steps=steps))


def _scaled(count: int, factor: float) -> int:
    return max(1, round(count * factor)) if count else 0
