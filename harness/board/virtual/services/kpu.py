"""Module KPU: loads kmodels as a firmware does, and computes with the harness's simulator."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.board.virtual.faults import BoardFault
from harness.board.virtual.profile import Profile
from harness.board.virtual.services.files import Files
from harness.board.virtual.services.netinfo import layer_info, layers_of
from harness.board.virtual.services.pace import Pace
from harness.board.virtual.services.pictures import Pictures
from harness.board.virtual.services.regions import detections
from harness.errors import HarnessError, KModelError
from harness.kmodel import load
from harness.kmodel.memory import Memory
from harness.kmodel.operations.kpu import KpuConv2d
from harness.kmodel.program import Program

# MaixPy-v1 `sipeed_kpu.h`: numbers from 2001 on.
VERSION, FORMAT, READ_FILE, NO_MEMORY = 2002, 2003, 2005, 2006
MODELS_FULL, OUTPUTS_NOT_SET, UNKNOWN = 2009, 2013, 2015
MOST_MODELS = 5
WORDS = {
    VERSION: "ERR_KMODEL_VERSION: only support kmodel V3/V4 now",
    FORMAT: "ERR_KMODEL_FORMAT: layer_header.body_size <=0",
    READ_FILE: "ERR_READ_FILE: read file failed",
    NO_MEMORY: "ERR_NO_MEM: memory not enough",
    MODELS_FULL: "ERR_MODELS_FULL: we only support load 5 models in the same time",
    OUTPUTS_NOT_SET: "ERR_OUTPUTS_SET: need kpu.set_outputs() to set shape",
    UNKNOWN: "ERR_UNKNOWN",
}
# MaixPy 0.4.0 prints memory that it has already freed.
GARBAGE = "\x7a\x6b\x01\x02\n\x03"
MARK = b"LDMK"


@dataclass
class Task:
    """A loaded model.

    Attributes:
        program: What it computes.
        layers: Type and body size of each layer; v3 only.
        bytes_taken: Memory that it holds.
        shapes: (w, h, channels) of each output that `set_outputs` was called for.
        run_layers: How many layers run; all if None.
        results: The outputs of the last run, as bytes.
    """

    program: Program
    layers: list[tuple[int, int]]
    bytes_taken: int
    shapes: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    run_layers: int | None = None
    results: list[bytes] = field(default_factory=list)
    simulator: Any = None


class Kpu:
    """Loaded models and their runs."""

    def __init__(
        self, profile: Profile, files: Files, pace: Pace, pictures: Pictures, flash: Path
    ) -> None:
        self._profile, self._files, self._pace = profile, files, pace
        self._pictures, self._flash = pictures, flash
        self._tasks: dict[int, Task] = {}
        self._next = 1

    def kpu_load(self, source: str | int) -> dict[str, Any]:
        """Load a model from a file or an address of the flash chip.

        Raises:
            BoardFault: A ValueError with the firmware's number and words.
        """
        data = self._bytes_of(source)
        if _version_of(data) not in self._profile.kmodel_versions:
            raise self._refused(VERSION)
        if len(self._tasks) >= MOST_MODELS:
            raise self._refused(MODELS_FULL)
        try:
            program = load(data)
        except (KModelError, HarnessError) as error:
            raise self._refused(FORMAT) from error
        taken = program.consumed + program.pool_bytes(Memory.MAIN)
        if taken > self.kpu_free():
            raise self._refused(NO_MEMORY)
        task = Task(program, layers_of(data) if program.version == 3 else [], taken)
        number, self._next = self._next, self._next + 1
        self._tasks[number] = task
        count = len(task.layers) or len(program.operations)
        return {"number": number, "size": program.consumed, "layers": count}

    def kpu_free(self) -> int:
        """Return the bytes that are free for models."""
        return self._profile.free_bytes - sum(task.bytes_taken for task in self._tasks.values())

    def kpu_deinit(self, number: int) -> bool:
        """Forget a model."""
        return self._tasks.pop(number, None) is not None

    def kpu_restart(self) -> int:
        """Forget all models, and return how many there were."""
        count = len(self._tasks)
        self._tasks.clear()
        return count

    def kpu_set_outputs(self, number: int, index: int, w: int, h: int, channels: int) -> str:
        """Say the shape of an output of a v4 model; returns what is wrong, or nothing."""
        outputs = self._task(number).program.outputs
        if not 0 <= index < len(outputs):
            return (
                f"[MAIXPY]kpu: set_outputs arg value error:kmodel output idx {index} out of range"
            )
        # The firmware counts 32-bit floats, whatever the output holds.
        if 4 * w * h * channels != outputs[index].buffer.nbytes:
            return "[MAIXPY]kpu: set_outputs arg value error: w,c,ch size not match output size"
        self._task(number).shapes[index] = w, h, channels
        return ""

    def kpu_set_layers(self, number: int, count: int) -> bool:
        """Say how many layers run; 0 or less for all."""
        task = self._task(number)
        if count > (len(task.layers) or len(task.program.operations)):
            return False
        task.run_layers = count if count > 0 else None
        return True

    def kpu_input_shape(self, number: int) -> list[int] | None:
        """Return width, height and channels of the first layer, if it is a convolution."""
        program = self._task(number).program
        shape = program.inputs[0].buffer.shape
        if len(shape) != 4 or program.inputs[0].buffer.dtype.value != "uint8":
            return None
        return [shape[3], shape[2], shape[1]]

    def kpu_run_picture(self, number: int, picture: int) -> dict[str, Any]:
        """Run a model on a picture that was prepared for it."""
        task = self._task(number)
        shape = task.program.inputs[0].buffer.shape
        planes = self._pictures.planes(picture)
        return self._run(task, planes.reshape(1, *shape[1:]))

    def kpu_run_floats(self, number: int, data: bytes) -> dict[str, Any]:
        """Run a model on float32 values; the firmware does not look at how many there are."""
        task = self._task(number)
        buffer = task.program.inputs[0].buffer
        size = _bytes_of_input(task)
        raw = data.ljust(size, b"\0")[:size]
        x = np.frombuffer(raw, buffer.dtype.numpy).reshape(1, *buffer.shape[1:])
        return self._run(task, x)

    def kpu_run_file(self, number: int, path: str) -> dict[str, Any]:
        """Run a model on the bytes of a file; CanMV."""
        task = self._task(number)
        buffer = task.program.inputs[0].buffer
        raw = self._files.read_bytes(path)
        if len(raw) != (size := _bytes_of_input(task)):
            raise BoardFault("ValueError", f"input size {len(raw)} not match model {size}")
        x = np.frombuffer(raw, buffer.dtype.numpy).reshape(1, *buffer.shape[1:])
        return self._run(task, x, set_outputs=False)

    def kpu_done(self, number: int, microseconds: int, region: bool = False) -> None:
        """Let a run that the board's clock saw end now have taken the time of a K210.

        Args:
            number: The model.
            microseconds: What the board's clock saw.
            region: Whether boxes were looked for in the first output, too.
        """
        task = self._task(number)
        wanted = self._pace.model_ms(task.program, task.run_layers)
        if region:
            wanted += self._pace.region_ms(task.program.outputs[0].buffer.elements)
        self._pace.settle(wanted, microseconds / 1000)

    def kpu_output(self, number: int, index: int) -> dict[str, Any]:
        """Return shape and kind of an output of the last run.

        Raises:
            BoardFault: There is no such output.
        """
        task = self._task(number)
        if not 0 <= index < len(task.results):
            raise BoardFault("OSError", "sipeed_kpu_get_output err")
        count = len(task.layers) or len(task.program.operations)
        described = self._describe(task, index)
        told = index in task.shapes or described["kind"] == "B"
        size = len(task.results[index])
        return {**described, "index": count - 1, "size": size, "told": told}

    def kpu_read(self, number: int, index: int, start: int, stop: int) -> bytes:
        """Return bytes of an output of the last run."""
        return self._task(number).results[index][start:stop]

    def kpu_netinfo(self, number: int) -> list[dict[str, int | str]]:
        """Return what a v3 model's layers are."""
        task = self._task(number)
        layers = task.layers or [(0, 0)] * len(task.program.operations)
        return [
            layer_info(index, kind, size, operation)
            for index, ((kind, size), operation) in enumerate(
                zip(layers, task.program.operations, strict=True)
            )
        ]

    def kpu_fmap(self, number: int, index: int, channel: int) -> int:
        """Return a channel of a uint8 output as a gray picture."""
        task = self._task(number)
        about = self._describe(task, index)
        planes = np.frombuffer(task.results[index], np.uint8)
        shape = about["ch"], about["h"], about["w"]
        return self._pictures.add(planes.reshape(shape)[channel : channel + 1].copy())

    def kpu_yolo2(
        self, number: int, threshold: float, overlap: float, anchors: list[float]
    ) -> list[dict[str, float]]:
        """Return the objects that the last run found, as the firmware's region layer does."""
        task = self._task(number)
        output = task.program.outputs[0].buffer
        shape = self.kpu_input_shape(number)
        if len(output.shape) != 4 or output.dtype.value != "float32" or shape is None:
            raise BoardFault("ValueError", "[MAIXPY]kpu: region_layer_init err!\r\n")
        values = np.frombuffer(task.results[0], np.float32).reshape(output.shape[1:])
        return detections(values, threshold, overlap, anchors, (shape[0], shape[1]))

    def _task(self, number: int) -> Task:
        if number not in self._tasks:
            raise BoardFault("ValueError", "the model was freed")
        return self._tasks[number]

    def _bytes_of(self, source: str | int) -> bytes:
        try:
            if isinstance(source, str):
                return self._files.read_bytes(source)
            return (self._flash / f"{source:#x}").read_bytes()
        except (BoardFault, OSError) as error:
            raise self._refused(READ_FILE if isinstance(source, str) else VERSION) from error

    def _refused(self, number: int) -> BoardFault:
        if self._profile.garbled_errors:
            return BoardFault("ValueError", GARBAGE)
        return BoardFault("ValueError", f"[MAIXPY]kpu: load error:{number}, {WORDS[number]}")

    def _run(self, task: Task, x: npt.NDArray[Any], set_outputs: bool = True) -> dict[str, Any]:
        told = len(task.shapes) == len(task.program.outputs)
        if task.program.version == 4 and set_outputs and not told:
            raise BoardFault("OSError", WORDS[OUTPUTS_NOT_SET])
        started = time.monotonic()
        task.results = _simulate(task, x)
        self._pace.wait(self._pace.model_ms(task.program, task.run_layers), started)
        return {"outputs": len(task.results)}

    def _describe(self, task: Task, index: int) -> dict[str, Any]:
        if task.program.version == 4:
            w, h, channels = task.shapes.get(index, (len(task.results[index]) // 4, 1, 1))
            return {"kind": "f", "w": w, "h": h, "ch": channels}
        last = task.program.operations[(task.run_layers or len(task.layers)) - 1]
        if isinstance(last, KpuConv2d):
            _, channels, height, width = last.output.shape
            return {"kind": "B", "w": width, "h": height, "ch": channels}
        kind = "f" if last.output.dtype.value == "float32" else "B"
        size = 4 if kind == "f" else 1
        return {"kind": kind, "w": len(task.results[index]) // size, "h": 1, "ch": 1}


def _simulate(task: Task, x: npt.NDArray[Any]) -> list[bytes]:
    from harness.simulator import Simulator

    if task.simulator is None:
        task.simulator = Simulator(task.program)
    if task.run_layers is None:
        results = task.simulator(x.copy())
        return [value.numpy().tobytes() for value in results.values()]
    name = task.program.operations[task.run_layers - 1].name
    seen: list[bytes] = []
    hook = task.simulator.layers[name].register_forward_hook(
        lambda _layer, _inputs, output: seen.append(output.numpy().tobytes())
    )
    try:
        task.simulator(x.copy())
    finally:
        hook.remove()
    return seen[:1]


def _bytes_of_input(task: Task) -> int:
    buffer = task.program.inputs[0].buffer
    return prod(buffer.shape) * buffer.dtype.itemsize


def _version_of(data: bytes) -> int:
    if data[:4] == MARK and len(data) >= 8:
        return int.from_bytes(data[4:8], "little")
    return 3 if data[:4] == b"\x03\0\0\0" else 0
