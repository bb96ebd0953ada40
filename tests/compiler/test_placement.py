import onnx
from onnx import TensorProto, helper

from harness.compiler.fallback import Operation, reason_for_cpu
from harness.compiler.placement import outputs, placement


def module(nodes, inputs, shapes, results):
    infos = {n: helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()}
    graph = helper.make_graph(
        nodes,
        "m",
        [infos[n] for n in inputs],
        [infos[n] for n in results],
        value_info=infos.values(),
    )
    return helper.make_model(graph).SerializeToString()


def node(kind, name, inputs, output):
    return onnx.NodeProto(op_type=kind, name=name, input=inputs, output=[output])


MODULES = {
    # Out of order, as nncase dumps it.
    "main.nnir.pb": module(
        [
            node("Reduce", "/pool(Pool)", ["deq"], "y"),
            node("Dequantize", "/conv(Conv)/dequantize", ["k210_0"], "deq"),
            node("Call", "k210_0", ["in"], "k210_0"),
        ],
        ["in"],
        {"in": (1, 3, 8, 8), "k210_0": (1, 4, 8, 8), "deq": (1, 4, 8, 8), "y": (1, 4, 1, 1)},
        ["y"],
    ),
    "k210_0.nnir.pb": module(
        [
            node("KPUDownload", "KPUDownload", ["c"], "d"),
            node("KPUConv2D", "/conv(Conv)", ["u"], "c"),
            node("KPUUpload", "/conv(Conv)/kpu_upload", ["in"], "u"),
        ],
        ["in"],
        {n: (1, 4, 8, 8) for n in ("in", "u", "c", "d")},
        ["d"],
    ),
}


def test_operations_are_listed_in_running_order_with_calls_opened():
    placed = placement(MODULES)
    assert [(p.operation, p.unit) for p in placed] == [
        ("KPUUpload", "KPU"),
        ("KPUConv2D", "KPU"),
        ("KPUDownload", "KPU"),
        ("Dequantize", "CPU"),
        ("Reduce", "CPU"),
    ]
    assert [p.layer for p in placed] == ["/conv", "/conv", "c", "/conv", "/pool"]
    assert [p.inserted for p in placed] == [True, False, True, True, False]
    assert placed[-1].shape == (1, 4, 1, 1)


def test_outputs_are_those_of_the_main_module():
    assert outputs(MODULES) == [("y", (1, 4, 1, 1))]


def test_a_graph_with_a_missing_input_still_ends():
    odd = {"main.nnir.pb": module([node("Pad", "p", ["nowhere"], "y")], [], {"y": (1,)}, ["y"])}
    assert [p.operation for p in placement(odd)] == ["Pad"]


def reason(kind, *inputs, name="layer", output=(1, 8, 8, 8)):
    return reason_for_cpu(Operation(kind, name, inputs, output))


def test_convolution_limits_are_named_at_their_edges():
    weights = (8, 8, 3, 3)
    assert "below 4x4" in reason("Conv2D", (1, 8, 3, 8), weights)
    assert "stride, padding or dilation" in reason("Conv2D", (1, 8, 4, 4), weights)
    assert "stride, padding or dilation" in reason("Conv2D", (1, 8, 256, 512), weights)
    assert "above 256 rows" in reason("Conv2D", (1, 8, 257, 512), weights)
    assert "above 256 rows" in reason("Conv2D", (1, 8, 256, 513), weights)
    assert "1025 channels" in reason("Conv2D", (1, 1025, 8, 8), (8, 1025, 1, 1))
    assert "kernel 1x3" in reason("Conv2D", (1, 8, 8, 8), (8, 8, 1, 3))
    assert "4 groups" in reason("Conv2D", (1, 8, 8, 8), (8, 2, 3, 3))


def test_an_unknown_operation_has_a_reason_too():
    assert reason("Novel") == "the KPU runs convolutions only"
