"""The nncase side of the worker: `python server.py LIFELINE`, on CPython 3.7 to 3.10.

It answers frames on standard output that come in on standard input, until that ends. Everything
that nncase prints goes to standard error, which the harness points at a file. LIFELINE is the
number of an inherited pipe that the harness holds open for as long as it lives.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Callable, Dict, List, Tuple

import nncase
import numpy as np

if TYPE_CHECKING:
    from harness.compiler.worker.protocol import (
        Array,
        Frame,
        from_bytes,
        read_frame,
        write_frame,
    )
else:  # started by path, with this folder first on the search path
    from protocol import Frame, from_bytes, read_frame, write_frame

COMPILED_IR = "ir_target_dependent_after_buffer_fusion"
MIN_FREE_BYTES = 1 << 20


class Session:
    """What the worker remembers between requests: the kmodel that was loaded last."""

    def __init__(self) -> None:
        self._simulator = nncase.Simulator()

    def hello(self, _: Frame) -> Frame:
        """Say which versions run here."""
        versions = {"python": platform.python_version(), "numpy": np.__version__}
        return Frame(versions, {})

    def compile(self, request: Frame) -> Frame:
        """Turn `model` into a kmodel, quantised by `calibration`; see `Worker.compile`."""
        message, arrays = request
        with tempfile.TemporaryDirectory(dir=".") as dump:
            compiler = nncase.Compiler(_compile_options(message, dump))
            importer = getattr(compiler, "import_" + message["kind"])
            importer(arrays["model"].tobytes(), nncase.ImportOptions())
            compiler.use_ptq(_calibration(arrays["calibration"], message["calibrate_method"]))
            compiler.compile()
            kmodel = compiler.gencode_tobytes()
            _check_space(dump)
            graphs = sorted(Path(dump, COMPILED_IR).glob("*.nnir.pb"))
            files = {"ir/" + path.name: np.fromfile(str(path), np.uint8) for path in graphs}
        return Frame({}, dict(files, kmodel=from_bytes(kmodel)))

    def load(self, request: Frame) -> Frame:
        """Load `kmodel`, and describe its inputs and outputs in file order."""
        self._simulator = simulator = nncase.Simulator()
        simulator.load_model(request.arrays["kmodel"].tobytes())
        inputs = [simulator.get_input_tensor(i) for i in range(simulator.inputs_size)]
        outputs = [simulator.get_output_tensor(i) for i in range(simulator.outputs_size)]
        described = {
            "inputs": [_describe(tensor) for tensor in inputs],
            "outputs": [_describe(tensor) for tensor in outputs],
        }
        return Frame(described, {})

    def run(self, request: Frame) -> Frame:
        """Run the loaded kmodel on N items: one array [N, *shape] an input, in file order."""
        arrays = list(request.arrays.values())
        latency_ms = np.empty(len(arrays[0]))
        rows = []
        for item in range(len(latency_ms)):
            latency_ms[item] = self._run_item([array[item] for array in arrays])
            rows.append(self._outputs())
        columns = range(self._simulator.outputs_size)
        outputs = {str(index): np.stack([row[index] for row in rows]) for index in columns}
        return Frame({}, dict(outputs, latency_ms=latency_ms))

    def _run_item(self, inputs: List[Array]) -> float:
        tensors = [nncase.RuntimeTensor.from_numpy(array) for array in inputs]
        for index, tensor in enumerate(tensors):
            self._simulator.set_input_tensor(index, tensor)
        start = time.perf_counter()
        self._simulator.run()
        return (time.perf_counter() - start) * 1e3

    def _outputs(self) -> List[Array]:
        simulator = self._simulator
        tensors = [simulator.get_output_tensor(i) for i in range(simulator.outputs_size)]
        return [tensor.to_numpy().copy() for tensor in tensors]


def _compile_options(message: Dict[str, Any], dump: str) -> nncase.CompileOptions:
    shape = message["input_shape"]
    channels = shape[1]
    options = nncase.CompileOptions()
    options.target = "k210"
    options.preprocess = True
    options.input_type = options.quant_type = "uint8"
    options.input_layout = options.output_layout = "NCHW"
    options.input_shape = shape
    options.input_range = message["input_range"]
    options.mean = [0.0] * channels
    options.std = [1.0] * channels
    options.dump_ir = True
    options.dump_dir = dump
    return options


def _calibration(images: Array, method: str) -> nncase.PTQTensorOptions:
    options = nncase.PTQTensorOptions()
    options.set_tensor_data(images.tobytes())
    options.samples_count = len(images)
    options.calibrate_method = method
    return options


def _check_space(folder: str) -> None:
    # On a full disk nncase leaves empty or torn files and says nothing.
    if shutil.disk_usage(folder).free < MIN_FREE_BYTES:
        place = Path(folder).resolve()
        raise OSError(f"no space is left for nncase's temporary files in {place}")


def _describe(tensor: nncase.RuntimeTensor) -> Dict[str, Any]:
    return {"dtype": np.dtype(tensor.dtype).name, "shape": [int(side) for side in tensor.shape]}


def _answer(handler: Callable[[Frame], Frame], request: Frame) -> Frame:
    try:
        return handler(request)
    except Exception as error:
        return Frame({"error": str(error) or type(error).__name__}, {})


def _private_channel() -> Tuple[IO[bytes], IO[bytes]]:
    """Move both pipes away from the numbers 0 and 1, which nncase's C++ prints to."""
    requests, replies = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return os.fdopen(requests, "rb"), os.fdopen(replies, "wb")


def _end_with(lifeline: int) -> None:
    """Let the kernel end this process when the other end of a pipe closes, inside nncase too.

    The signal is SIGIO, which ends a process that does not handle it. PR_SET_PDEATHSIG is no
    choice: it also fires when only the thread that started this process ends.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)


def main() -> None:
    """Answer requests until standard input ends."""
    _end_with(int(sys.argv[1]))
    requests, replies = _private_channel()
    session = Session()
    handlers = {
        "hello": session.hello,
        "compile": session.compile,
        "load": session.load,
        "run": session.run,
    }
    request = read_frame(requests)
    while request is not None:
        reply = _answer(handlers[request.message["request"]], request)
        write_frame(replies, reply.message, reply.arrays)
        request = read_frame(requests)


if __name__ == "__main__":
    main()
