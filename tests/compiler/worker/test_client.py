"""What the worker makes of good and of bad requests, with nncase itself."""

from __future__ import annotations

import subprocess
import threading

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from harness.compiler.worker.checks import CALIBRATION_METHODS
from harness.compiler.worker.client import get_worker
from harness.compiler.worker.environment import NNCASE_VERSION
from harness.compiler.worker.results import TensorInfo
from harness.errors import CompileError, SimulationError

pytestmark = pytest.mark.sim

COMPILE_DIRECTLY = """
import nncase
options = nncase.CompileOptions()
options.target = "k210"
compiler = nncase.Compiler(options)
compiler.import_onnx(open("two.onnx", "rb").read(), nncase.ImportOptions())
compiler.compile()
open("two.kmodel", "wb").write(compiler.gencode_tobytes())
"""


def cosine(a, b) -> float:
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


def compile_sum_and_difference(python, folder) -> bytes:
    """Compile with nncase directly: the worker itself makes models of one uint8 input only."""
    names = ("a", "b", "sum", "difference")
    a, b, total, difference = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2, 3, 3]) for name in names
    )
    nodes = [
        helper.make_node("Add", ["a", "b"], ["sum"]),
        helper.make_node("Sub", ["a", "b"], ["difference"]),
    ]
    graph = helper.make_graph(nodes, "two", [a, b], [total, difference])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)
    (folder / "two.onnx").write_bytes(model.SerializeToString())
    subprocess.run([python, "-c", COMPILE_DIRECTLY], cwd=folder, check=True, capture_output=True)
    return (folder / "two.kmodel").read_bytes()


def test_versions(worker):
    versions = worker.versions()
    assert versions["nncase"] == NNCASE_VERSION
    assert versions["python"].rsplit(".", 1)[0] in ("3.10", "3.9", "3.8", "3.7")


def test_compiled_model_computes_what_the_float_model_does(worker, tiny):
    compiled = tiny.compile(worker)
    result = worker.simulate(compiled.kmodel, tiny.calibration)
    images = tiny.calibration.astype(np.float32) / 255
    evaluator = ReferenceEvaluator(tiny.onnx)
    expected = np.concatenate([evaluator.run(None, {"x0": image[None]})[0] for image in images])
    assert result.outputs[0].shape == expected.shape
    assert cosine(result.outputs[0], expected) > 0.999


def test_ir_and_log_come_with_the_kmodel(worker, tiny):
    compiled = tiny.compile(worker)
    assert set(compiled.ir) == {"main.nnir.pb", "k210_0.nnir.pb"}
    kpu = onnx.load_model_from_string(compiled.ir["k210_0.nnir.pb"])
    assert [node.op_type for node in kpu.graph.node].count("KPUConv2D") == 2
    assert "8. Generate code" in compiled.log
    assert "1. Import graph" in compiled.log


def test_compilation_repeats(worker, tiny):
    # Not to the byte: nncase leaves bytes that mean nothing as they were in its memory.
    first, second = (tiny.compile(worker).kmodel for _ in range(2))
    assert len(first) == len(second)
    results = [worker.simulate(kmodel, tiny.calibration).outputs[0] for kmodel in (first, second)]
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("method", CALIBRATION_METHODS)
def test_calibration_methods(worker, tiny, method):
    result = worker.simulate(tiny.compile(worker, calibrate_method=method).kmodel, tiny.calibration)
    assert np.isfinite(result.outputs[0]).all()


def test_describe(worker, kmodel):
    info = worker.describe(kmodel)
    assert info.inputs == (TensorInfo("uint8", (1, 3, 16, 16)),)
    assert info.outputs == (TensorInfo("float32", (1, 5, 16, 16)),)


def test_latency_and_progress_of_each_item(worker, tiny, kmodel):
    seen = []
    result = worker.simulate(kmodel, tiny.calibration, lambda: seen.append(len(seen)))
    assert seen == list(range(8))
    assert result.latency_ms.shape == (8,)
    assert (result.latency_ms > 0).all()


def test_items_do_not_depend_on_their_batch(worker, tiny, kmodel):
    images = np.concatenate([tiny.calibration] * 20)
    together = worker.simulate(kmodel, images).outputs[0]
    alone = [worker.simulate(kmodel, image[None]).outputs[0] for image in tiny.calibration]
    np.testing.assert_array_equal(together, np.concatenate(alone * 20))


def test_two_inputs_and_two_outputs_in_file_order(worker, environment, tmp_path):
    kmodel = compile_sum_and_difference(environment.python, tmp_path)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 5, 2, 3, 3)).astype(np.float32)
    total, difference = worker.simulate(kmodel, [a, b]).outputs
    np.testing.assert_allclose(total, a + b, rtol=1e-6)
    np.testing.assert_allclose(difference, a - b, rtol=1e-6)
    with pytest.raises(SimulationError, match=r"different numbers of items: \[4, 5\]"):
        worker.simulate(kmodel, [a, b[:4]])


def test_no_items(worker, kmodel):
    result = worker.simulate(kmodel, np.empty((0, 3, 16, 16), np.uint8))
    assert result.outputs[0].shape == (0, 5, 16, 16)


def test_unknown_calibration_method(worker, tiny):
    with pytest.raises(CompileError, match="no calibration method 'bogus'"):
        tiny.compile(worker, calibrate_method="bogus")


@pytest.mark.parametrize("shape", [(0, 3, 16, 16), (2, 3, 16, 15), (2, 16, 16, 3)])
def test_calibration_images_of_another_shape(worker, tiny, shape):
    with pytest.raises(CompileError, match=r"uint8 \[N, 3, 16, 16\]"):
        worker.compile(
            tiny.onnx,
            "onnx",
            input_shape=tiny.input_shape,
            input_range=(0, 1),
            calibration=np.zeros(shape, np.uint8),
        )


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        (np.zeros((2, 3, 16, 16), np.float32), r"the kmodel takes uint8 \[N, 3, 16, 16\]"),
        (np.zeros((2, 3, 8, 8), np.uint8), r"the kmodel takes uint8 \[N, 3, 16, 16\]"),
        ([np.zeros((2, 3, 16, 16), np.uint8)] * 2, "1 inputs, 2 were given"),
    ],
)
def test_inputs_that_do_not_fit(worker, kmodel, inputs, text):
    with pytest.raises(SimulationError, match=text):
        worker.simulate(kmodel, inputs)


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (b"\3\0\0\0" + bytes(100), "version 3"),
        (b"LDMK\4\0\0\0" + bytes(100), "version 4"),
        (b"hello" * 100, "not a kmodel"),
        (b"", "not a kmodel"),
    ],
)
def test_files_that_are_no_kmodel_v5(worker, header, text):
    with pytest.raises(SimulationError, match=text):
        worker.describe(header)


def test_refusal_comes_in_nncase_own_words(worker, tiny):
    shape = [1, 3, 16, 16]
    graph = helper.make_graph(
        [helper.make_node("Einsum", ["x", "x"], ["y"], equation="nchw,nchw->nchw")],
        "refused",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    before = worker.pid
    with pytest.raises(CompileError) as caught:
        worker.compile(
            model.SerializeToString(),
            "onnx",
            input_shape=tiny.input_shape,
            input_range=(0, 1),
            calibration=tiny.calibration,
        )
    assert caught.value.cause == "Not supported ONNX opcode: Einsum"
    assert "1. Import graph" in caught.value.output
    assert worker.pid == before


def test_threads_share_one_process_that_outlives_them(worker, tiny, kmodel):
    before = worker.pid
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append(worker.simulate(kmodel, tiny.calibration).outputs[0])
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all((result == results[0]).all() for result in results)
    assert worker.pid == before


def test_get_worker_returns_the_same_one():
    assert get_worker() is get_worker()
