"""Questions of the kind: what would it take if."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.convert import convert
from harness.errors import UsageError
from harness.kmodel import load
from harness.timing import listing, predict
from harness.timing.answers import TOGETHER, answers
from harness.timing.costs import KPU_CYCLE, total
from harness.timing.published import networks
from harness.timing.steps import CpuStep, KpuStep, Network
from harness.timing.subject import Subject, subject_of
from harness.timing.whatif import asked
from tests.conftest import REPOSITORY

FIXTURES = REPOSITORY / "fixtures" / "kmodels"


def mobilenet(alpha=0.25, size=(128, 128), version=4):
    trunk = networks.mobilenet(alpha, size, version)
    return Network(version, tuple(trunk.steps), size)


SUBJECT = subject_of(load(FIXTURES / "mbv1_025_128.kmodel"))


@pytest.fixture
def subject():
    return SUBJECT


def shape(step):
    return step.channels, step.size, step.kernel, step.depthwise, step.stride


def layers(network):
    return [step for step in network.steps if isinstance(step, KpuStep)]


def test_twice_the_width_is_the_mobilenet_of_twice_the_width(subject):
    """The fixture has alpha 0.25: asked for twice the width it costs what alpha 0.5 does."""
    wider = layers(asked(subject, "width=2").network)[:-1]
    wanted = layers(mobilenet(0.5))
    assert [shape(step) for step in wider] == [shape(step) for step in wanted]


def test_classes_and_the_picture_keep_their_size(subject):
    narrow = asked(subject, "width=0.5").network
    assert layers(narrow)[0].channels == (3, 4)
    assert layers(narrow)[-1].channels[1] == layers(subject.network)[-1].channels[1]
    assert narrow.steps[0].elements == subject.network.steps[0].elements


def test_sums_with_a_constant_follow_the_width_as_elements_do():
    """In kmodel v4 they are matrix products of one column."""
    stock = subject_of(convert(load(FIXTURES / "avgpool_s1.kmodel"), 4).program)
    columns = {s.name: s.macs for s in stock.network.steps if isinstance(s, CpuStep) and s.macs}
    inner = columns.keys() - stock.outside
    narrow = {s.name: s for s in asked(stock, "width=0.5").network.steps}
    assert len(inner) == 4
    for name in inner:
        assert narrow[name].macs == narrow[name].elements == columns[name] / 2
    replaced = asked(stock, "replace=reduce_window2d").network.steps
    assert not inner & {step.name for step in replaced}, "they belong to the conversions"


def test_another_input_is_the_mobilenet_for_it(subject):
    small = layers(asked(subject, "input=64x64").network)
    wanted = layers(mobilenet(size=(64, 64)))
    assert [step.size for step in small[:-5]] == [step.size for step in wanted[:-4]]
    assert small[-1].size == layers(subject.network)[-1].size == (4, 4)


@given(st.floats(0.1, 1), st.integers(16, 128))
@settings(max_examples=30, deadline=None)
def test_smaller_is_never_slower(factor, side):
    now = predict(SUBJECT.network).ms
    assert predict(asked(SUBJECT, f"width={factor}").network).ms <= now
    assert predict(asked(SUBJECT, f"input={side}x{side}").network).ms <= now


def test_strides_move_there_and_back():
    late = Subject(mobilenet(version=4))
    early = asked(late, "stride=early")
    assert total(early.network)[KPU_CYCLE] <= total(late.network)[KPU_CYCLE]
    assert sum(step.stride > 1 for step in layers(early.network)) == 5
    again = asked(early, "stride=late")
    # The first layer's stride moves, too, which was in no block before.
    assert list(map(shape, layers(again.network)))[3:] == list(map(shape, layers(late.network)))[3:]
    assert total(again.network)[KPU_CYCLE] > total(late.network)[KPU_CYCLE]
    for place in ("early", "late"):
        with pytest.raises(UsageError, match="no stride"):
            asked(Subject(networks.chain(4)), f"stride={place}")


def test_an_operation_on_the_kpu_costs_no_transfers():
    subject = subject_of(load(FIXTURES / "upsample_nearest.kmodel"))
    now, then = predict(subject.network), predict(asked(subject, "replace=resize").network)
    assert then.cpu_ms < now.cpu_ms
    assert then.move_ms < now.move_ms
    assert then.kpu_ms > now.kpu_ms


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("width", "no question"),
        ("depth=2", "no question"),
        ("width=x", "not a factor"),
        ("width=0", "not a factor"),
        ("width=nan", "not a factor"),
        ("width=8", "channels"),
        ("input=160", "not a size"),
        ("input=2x2", "columns"),
        ("input=640x480", "columns"),
        ("stride=soon", "unknown place"),
        ("replace=softmax", "there is: "),
        ("replace=kpu_conv2d", "there is: "),
    ],
)
def test_questions_that_do_not_fit_are_refused(subject, question, said):
    with pytest.raises(UsageError) as caught:
        asked(subject, question)
    assert said in str(caught.value)


def test_what_is_no_picture_has_no_size_to_change(shared):
    flowers = subject_of(load(shared / "kmodels" / "iris_v4.kmodel"))
    for value in ("8x8", "nonsense"):
        with pytest.raises(UsageError, match="no picture"):
            asked(flowers, f"input={value}")


def test_strides_that_cannot_move_are_listed():
    subject = subject_of(load(FIXTURES / "residual.kmodel"))
    strides = [one for one in layers(subject.network) if one.stride > 1]
    assert strides
    with pytest.raises(UsageError) as caught:
        asked(subject, "stride=early")
    assert all(f"{one.name} by {one.stride}" in str(caught.value) for one in strides)
    with pytest.raises(UsageError, match="the strides there are: none"):
        asked(Subject(listing.read("v4 8x8\nkpu 3>8 8x8 3x3\n")), "stride=late")


def test_several_questions_are_answered_alone_and_together(subject):
    now = predict(subject.network)
    one, other, both = answers(subject, ("width=0.5", "input=64x64"), now)
    assert both.question == TOGETHER
    assert both.prediction.ms < min(one.prediction.ms, other.prediction.ms) < now.ms
