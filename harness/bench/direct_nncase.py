"""nncase called directly in its own Python, as the peer of the worker. Not imported: run.

Arguments: model.onnx, calibration.npy, inputs.npy, repeats. Prints one JSON line with the
seconds of each compilation and the milliseconds of each simulated item.
"""

import json
import sys
import time

import nncase
import numpy as np


def options(shape):
    result = nncase.CompileOptions()
    result.target = "k210"
    result.preprocess = True
    result.input_type = result.quant_type = "uint8"
    result.input_layout = result.output_layout = "NCHW"
    result.input_shape = list(shape)
    result.input_range = [0, 1]
    result.mean = [0] * shape[1]
    result.std = [1] * shape[1]
    return result


def compile_once(model, calibration):
    compiler = nncase.Compiler(options((1, *calibration.shape[1:])))
    compiler.import_onnx(model, nncase.ImportOptions())
    ptq = nncase.PTQTensorOptions()
    ptq.set_tensor_data(calibration.tobytes())
    ptq.samples_count = len(calibration)
    compiler.use_ptq(ptq)
    compiler.compile()
    return compiler.gencode_tobytes()


def simulate(kmodel, inputs):
    simulator = nncase.Simulator()
    simulator.load_model(kmodel)
    times = []
    for item in inputs:
        started = time.perf_counter()
        simulator.set_input_tensor(0, nncase.RuntimeTensor.from_numpy(item[None]))
        simulator.run()
        simulator.get_output_tensor(0).to_numpy()
        times.append((time.perf_counter() - started) * 1e3)
    return times


def main():
    model_path, calibration_path, inputs_path, repeats = sys.argv[1:]
    with open(model_path, "rb") as file:
        model = file.read()
    calibration, inputs = np.load(calibration_path), np.load(inputs_path)
    seconds = []
    for _ in range(int(repeats)):
        started = time.perf_counter()
        kmodel = compile_once(model, calibration)
        seconds.append(time.perf_counter() - started)
    print("RESULT " + json.dumps({"compile_s": seconds, "item_ms": simulate(kmodel, inputs)}))


main()
