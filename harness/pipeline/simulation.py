"""`k210 simulate`: a kmodel of any version on a batch of inputs, every layer in view."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.compiler.contract import CONTRACT_FILE, ModelContract, read_contract
from harness.data.images import read_inputs
from harness.errors import DataError, UsageError
from harness.kmodel import load
from harness.kmodel.memory import DType
from harness.kmodel.program import Program
from harness.method import InputContract
from harness.pipeline.folder import RunFolder, write_array
from harness.progress import SILENT, Progress
from harness.simulator import Rules, Simulator

BATCH = 8

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Simulated:
    """What a simulation gave.

    Attributes:
        folder: Where the files are.
        ids: One name an item.
        outputs: [N, ...] by output name, in file order.
        layers: Names of the layers whose results were kept.
    """

    folder: Path
    ids: tuple[str, ...]
    outputs: dict[str, Array]
    layers: tuple[str, ...]


def simulate(
    kmodel: Path,
    inputs: Path,
    out: Path,
    *,
    rules: Rules = "nncase-0.2",
    keep_layers: bool = False,
    progress: Progress = SILENT,
) -> Simulated:
    """Run a kmodel and write `outputs/kpu/`, `items.jsonl` and, if wanted, `layers/`.

    A `contract.json` beside the kmodel says how pictures become inputs and what the outputs are
    called; without one, pictures are taken as RGB (or gray) bytes, and outputs are numbered.

    Raises:
        HarnessError: The kmodel, the inputs or the folder are not what they have to be.
    """
    contract = _contract_beside(kmodel)
    program = load(kmodel)
    simulator = Simulator(program, rules)
    ids, batch = _inputs(program, contract, inputs)
    with RunFolder.claim(out) as folder:
        folder.forget_results()
        outputs, layers = _run(simulator, batch, keep_layers, progress)
        names = [output.name for output in contract.outputs] if contract else list(outputs)
        named = dict(zip(names, outputs.values(), strict=True))
        folder.write_outputs("kpu", named)
        for name, values in layers.items():
            write_array(folder.path / "layers" / f"{name}.npy", values)
        digests = (hashlib.sha256(item.tobytes()).hexdigest() for item in batch)
        lines = zip(ids, digests, strict=True)
        folder.write_items([{"id": name, "sha256": digest} for name, digest in lines])
    return Simulated(folder.path, ids, named, tuple(layers))


def _contract_beside(kmodel: Path) -> ModelContract | None:
    if not (kmodel.parent / CONTRACT_FILE).is_file():
        return None
    contract = read_contract(kmodel.parent)
    try:
        contract.check(kmodel.read_bytes())
    except OSError as error:
        raise UsageError(f"{kmodel} cannot be read: {error.strerror}") from error
    return contract


def _inputs(
    program: Program, contract: ModelContract | None, path: Path
) -> tuple[tuple[str, ...], Array]:
    if len(program.inputs) != 1:
        raise UsageError(f"the kmodel has {len(program.inputs)} inputs, and one can be given")
    buffer = program.inputs[0].buffer
    if buffer.dtype is DType.U8 and len(buffer.shape) == 4:
        given = contract.input if contract else None
        wanted = given.to_contract() if given else _plain_contract(buffer.shape)
        return read_inputs(path, wanted)
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        kind = f"{buffer.dtype.value} [N, {', '.join(map(str, buffer.shape[1:]))}]"
        raise DataError(
            f"the kmodel takes {kind} instead of pictures, and {path} is no .npy file of such",
            "save the inputs with numpy.save",
        ) from error
    return tuple(f"{path.name}#{index}" for index in range(len(array))), array


def _plain_contract(shape: tuple[int, ...]) -> InputContract:
    _, channels, height, width = shape
    if channels not in (1, 3):
        raise UsageError(f"a picture has 1 or 3 channels, and the kmodel takes {channels}")
    return InputContract((channels, height, width), "GRAY" if channels == 1 else "RGB")


def _run(
    simulator: Simulator, batch: Array, keep_layers: bool, progress: Progress
) -> tuple[dict[str, Array], dict[str, Array]]:
    outputs: dict[str, list[Array]] = {}
    layers: dict[str, list[Array]] = {}
    listening = _listening(simulator, layers if keep_layers else None)
    with listening, progress.task("kpu", len(batch)) as task:
        for start in range(0, len(batch), BATCH):
            part = batch[start : start + BATCH]
            for name, value in simulator(part).items():
                outputs.setdefault(name, []).append(value.cpu().numpy())
            task.advance(len(part))
    return _joined(outputs), _joined(layers)


def _joined(parts: dict[str, list[Array]]) -> dict[str, Array]:
    return {name: np.concatenate(values) for name, values in parts.items()}


@contextmanager
def _listening(simulator: Simulator, kept: dict[str, list[Array]] | None) -> Iterator[None]:
    """Collect what every layer gives for as long as the context lasts."""
    handles = []
    if kept is not None:
        for name, layer in simulator.layers.items():
            handles.append(layer.register_forward_hook(partial(_keep, kept, name)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _keep(
    kept: dict[str, list[Array]],
    name: str,
    _layer: object,
    _inputs: object,
    result: Any,  # noqa: ANN401
) -> None:
    """Put a layer's result behind those of earlier batches; further results get a number."""
    several = result if isinstance(result, tuple) else (result,)
    for index, value in enumerate(several):
        kept.setdefault(f"{name}.{index}" if index else name, []).append(value.cpu().numpy())
