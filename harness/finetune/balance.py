"""Channels of a feature map made equally large before the training: a start in closed form.

A map has one step for all its channels. Where a few channels are much larger than the others, the
others have few of the 256 bytes; and where the layer that reads them makes up for it with large
weights, the codes that read the large channels all lie next to the zero point. A step of the
training then does nothing to the former and spoils the latter.

Behind an activation that scales (`harness.finetune.activation.scales`) a channel can be larger by
a factor and its readers' weights smaller by it: the function stays, and less of it is rounded
away. (Cross-layer equalisation: M. Nagel et al., 2019, https://arxiv.org/abs/1906.04721; here by
the bytes that the channels reach instead of the ranges of the weights.) The weights of each output
channel are then spread over all codes, and its gain takes that back.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from harness.finetune.activation import BYTE
from harness.finetune.layer import TrainableLayer
from harness.finetune.module import TrainableProgram
from harness.kmodel.operations import Pooling

# No channel is made larger by more.
MOST = 128.0
# A byte stands for values as far as this on both sides of it.
_HALF = 0.5
_BATCH = 32
# Behind these the greatest byte does not tell how far the activation reached.
_MEANS = (Pooling.MEAN_2_STRIDE_1, Pooling.MEAN_2_STRIDE_2, Pooling.MEAN_4_STRIDE_4)

Map = tuple[TrainableLayer, list[TrainableLayer]]


@torch.no_grad()
def balance(module: TrainableProgram, inputs: Tensor) -> int:
    """Make every channel of every map reach as far as bytes do, where the layers allow it.

    Args:
        module: As its file has it; its parameters are moved.
        inputs: By which the channels are measured, uint8 [N, C, H, W].

    Returns:
        How many channels are larger now.
    """
    maps = list(balanced_maps(module))
    reaches = _reaches(module, [writer for writer, _ in maps], inputs)
    changed = 0
    for (writer, readers), reach in zip(maps, reaches, strict=True):
        factors = _factors(*reach, readers[0].parameters_.zero)
        changed += int((factors > 1).sum())
        writer.parameters_.enlarge(factors)
        for reader in readers:
            reader.parameters_.shrink_inputs(factors)
    return changed


def balanced_maps(module: TrainableProgram) -> Iterator[Map]:
    """Yield maps between layers of the KPU whose step may change, with writer and readers."""
    for index in range(module.found.count):
        writers, readers = (
            [module.layers[name] for name, at in by.items() if at == index]
            for by in (module.found.written, module.found.read)
        )
        ours = [one for one in readers if isinstance(one, TrainableLayer)]
        if len(writers) == 1 and len(ours) == len(readers):
            (writer,) = writers
            if (
                isinstance(writer, TrainableLayer)
                and writer.parameters_.layer.pooling not in _MEANS
            ):
                yield writer, ours


def _reaches(
    module: TrainableProgram, writers: list[TrainableLayer], inputs: Tensor
) -> list[tuple[Tensor, Tensor]]:
    """Return the least and the greatest byte of each channel that each layer writes."""
    found: dict[TrainableLayer, tuple[Tensor, Tensor]] = {}

    def note(layer: TrainableLayer, _inputs: object, output: Tensor) -> None:
        least, most = output.amin((0, 1, 3, 4)), output.amax((0, 1, 3, 4))
        if layer in found:
            least, most = least.minimum(found[layer][0]), most.maximum(found[layer][1])
        found[layer] = least, most

    hooks = [writer.register_forward_hook(note) for writer in writers]
    try:
        for batch in torch.split(inputs, _BATCH):
            module(batch)
    finally:
        for hook in hooks:
            hook.remove()
    return [found[writer] for writer in writers]


def _factors(least: Tensor, most: Tensor, zero: int) -> Tensor:
    """Return by how much each channel can be larger: 1 or more."""
    room = (BYTE - zero) / (most - zero + _HALF).clamp(min=_HALF)
    if zero:
        room = torch.minimum(room, zero / (zero - least + _HALF).clamp(min=_HALF))
    return room.clamp(1, MOST)
