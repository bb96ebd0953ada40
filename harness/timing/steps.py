"""A program as a list of steps that cost time: shapes only, no weights.

Networks whose files cannot be shipped are described in the same form, and questions of the kind
"what if it were narrower" change it.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.kmodel.memory import Memory
from harness.kmodel.operations import KpuConv2d, Operation, ReduceWindow2d
from harness.kmodel.operations.windows import AveragePool, MaxPool
from harness.kmodel.program import Program, Version
from harness.kmodel.work import cpu_macs

INPUT = "input"
UPLOAD, DOWNLOAD = "kpu_upload", "kpu_download"
# These visit what they take, and leave the rest of their input alone.
PICKING = frozenset({"gather", "gather_elements", "gather_nd", "slice"})
TRANSFERS = frozenset({INPUT, UPLOAD, DOWNLOAD, "kpu_add_padding", "kpu_remove_padding"})


@dataclass(frozen=True, slots=True)
class KpuStep:
    """One KPU layer.

    Attributes:
        name: As in the program.
        batches: Images, one behind the other.
        channels: Input and output channels.
        size: Width and height of the convolution, before pooling.
        kernel: Side of the kernel, 1 or 3.
        depthwise: Whether each output channel reads one input channel only.
        stride: Steps of the pooling.
        weight_bytes: Bytes of one weight: 1, or 2 in v3 files with 16-bit weights.
        copied: Elements that are also sent to main memory; 0 for none.
    """

    name: str
    batches: int
    channels: tuple[int, int]
    size: tuple[int, int]
    kernel: int
    depthwise: bool
    stride: int = 1
    weight_bytes: int = 1
    copied: int = 0

    kind = "kpu_conv2d"
    unit = "KPU"

    @property
    def pairs(self) -> int:
        """Pairs of an input and an output channel that the layer convolves."""
        return self.channels[1] * (1 if self.depthwise else self.channels[0])

    @property
    def loaded(self) -> int:
        """Bytes of weights that the layer loads for each image."""
        return self.pairs * self.kernel**2 * self.weight_bytes


@dataclass(frozen=True, slots=True)
class CpuStep:
    """One operation on the CPU, or a transfer between main memory and KPU memory.

    Attributes:
        name: As in the program.
        kind: The operation, such as `dequantize`; `input` for the model's input on its way into
            KPU memory.
        elements: Elements that it visits: the larger of input and output, or all elements of all
            windows.
        macs: Multiply-accumulates of convolutions and matrix products.
        width: Columns of what is transferred; runtimes copy rows of a multiple of 64 at once.
    """

    name: str
    kind: str
    elements: int
    macs: int = 0
    width: int = 0

    @property
    def unit(self) -> str:
        """Who does it: the CPU, or for transfers `move`."""
        return "move" if self.kind in TRANSFERS else "CPU"


Step = KpuStep | CpuStep


@dataclass(frozen=True)
class Network:
    """What runs: steps and the runtime that runs them.

    Attributes:
        version: Kmodel version, which says the runtime: 3 for kendryte-standalone-sdk's `kpu.c`,
            4 for nncase 0.2, 5 for nncase 1.x.
        steps: In running order.
        size: Width and height of the input; (0, 0) where it is no picture.
    """

    version: Version
    steps: tuple[Step, ...]
    size: tuple[int, int] = (0, 0)


def network_of(program: Program) -> Network:
    """Return the steps of a program.

    A v3 or v4 model's input goes into KPU memory first; the file has no operation for that.
    """
    inputs = tuple(
        CpuStep(INPUT, INPUT, port.buffer.elements, width=port.buffer.shape[-1])
        for port in program.inputs
        if port.buffer.memory is Memory.KPU
    )
    shape = program.inputs[0].buffer.shape
    size = (shape[3], shape[2]) if len(shape) == 4 else (0, 0)
    return Network(program.version, (*inputs, *map(step_of, program.operations)), size)


def step_of(operation: Operation) -> Step:
    """Return an operation as a step."""
    if isinstance(operation, KpuConv2d):
        return _kpu_step(operation)
    sizes = [b.elements for b in operation.inputs if b.memory is not Memory.CONSTANT]
    elements = max([*sizes, *(b.elements for b in operation.outputs)])
    if isinstance(operation, ReduceWindow2d | AveragePool | MaxPool):
        height, width = operation.filter
        elements = max(elements, operation.output.elements * height * width)
    if operation.kind() in PICKING:
        elements = operation.output.elements
    shape = operation.output.shape
    return CpuStep(
        operation.name,
        operation.kind(),
        elements,
        cpu_macs(operation),
        shape[-1] if operation.kind() in TRANSFERS else 0,
    )


def _kpu_step(layer: KpuConv2d) -> KpuStep:
    batches, channels, height, width = layer.input.shape
    return KpuStep(
        layer.name,
        batches,
        (channels, layer.output.shape[1]),
        (width, height),
        layer.kernel,
        layer.depthwise,
        layer.pooling.stride,
        layer.weights.itemsize,
        layer.outputs[1].elements if len(layer.outputs) > 1 else 0,
    )
