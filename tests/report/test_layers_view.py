import pytest

from harness.report.html import render
from harness.report.layers_view import layers_view
from harness.report.schema import BlameRecord, LayerErrorRecord, LayerRecord
from tests.report.reports import report


def error(snr_db):
    return LayerErrorRecord(snr_db=snr_db, cosine=0.99, mse=0.1, max_abs=1.0)


def blamed(**changes):
    layers = (
        LayerRecord(
            layer="01_kpu_conv2d",
            module="features.0",
            node="/features/features.0/Conv",
            unit="KPU",
            accumulated={"kpu": error(12.0), "weights": error(45.0)},
            alone={"kpu": error(None), "weights": error(27.0)},
        ),
        LayerRecord(
            layer="02_resize",
            module="",
            node="",
            unit="CPU",
            remark="no <counterpart>",
            accumulated={"kpu": error(float("-inf")), "board": error(19.0)},
            alone={"kpu": error(90.0)},
        ),
    )
    record = BlameRecord(
        images=4, stage="weights", layer="01_kpu_conv2d", evidence=("a <b> line",), **changes
    )
    return report().model_copy(update={"layers": layers, "blame": record})


def test_bars_are_in_the_order_of_the_stages_and_end_at_60_db():
    view = layers_view(blamed())
    assert view.titles == ("Weights", "Chip (simulated)", "Board")
    first, second = view.rows
    assert (first.blamed, second.blamed) == (True, False)
    assert [bar and (round(bar.percent), bar.level) for bar in first.bars] == [
        (45, "poor"),
        (100, ""),
        None,
    ]
    assert second.bars[0] is None
    assert second.bars[1].percent == 100
    assert (second.bars[2].alone, second.bars[2].level) == ("", "bad")


def test_nothing_is_shown_where_nobody_has_looked(tmp_path):
    assert layers_view(report()) is None
    assert 'id="layers"' not in render(report(), tmp_path)


def test_the_page_names_the_stage_and_keeps_text_as_text(tmp_path):
    page = render(blamed(), tmp_path)
    assert "To blame: weights, at 01_kpu_conv2d, on 4 pictures." in page
    assert "a &lt;b&gt; line" in page
    assert "no &lt;counterpart&gt;" in page
    assert "width:45.0%" in page


def test_one_picture_is_one_picture():
    made = blamed()
    one = made.model_copy(update={"blame": made.blame.model_copy(update={"images": 1})})
    assert layers_view(one).lead.endswith("on 1 picture.")


def test_a_report_with_layers_is_read_as_it_was_written(tmp_path):
    from harness.report.schema import read_report

    written = blamed()
    written.write(tmp_path)
    read = read_report(tmp_path)
    assert read.layers[0] == written.layers[0]
    assert read.layers[1].accumulated["kpu"].snr_db == pytest.approx(float("-inf"))


def test_operations_of_one_node_are_one_line_with_its_worst_and_its_last():
    made = blamed()
    several = tuple(
        made.layers[1].model_copy(
            update={
                "layer": f"0{n}_binary",
                "node": "/3/Norm",
                "alone": {"kpu": error(40.0 - n)},
                "accumulated": {"kpu": error(39.0 - n), **asked},
            }
        )
        for n, asked in ((3, {}), (4, {}), (5, {}), (6, {}), (7, {"board": error(30.0)}))
    )
    view = layers_view(made.model_copy(update={"layers": (made.layers[0], *several)}))
    _, grouped, asked_for = view.rows
    assert asked_for.layer.layer == "07_binary"
    assert grouped.layer.layer == "03_binary to 06_binary"
    assert grouped.layer.node == "/3/Norm (4 operations)"
    assert (grouped.bars[1].alone, grouped.bars[1].accumulated) == ("34.0 dB", "33.0 dB")


def test_what_is_no_number_is_a_bad_bar_of_no_length():
    made = blamed()
    broken = made.layers[0].model_copy(update={"alone": {"kpu": error(float("nan"))}})
    view = layers_view(made.model_copy(update={"layers": (broken,)}))
    (row,) = view.rows
    assert (row.bars[1].percent, row.bars[1].level) == (0.0, "bad")
