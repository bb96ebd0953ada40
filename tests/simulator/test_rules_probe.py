import numpy as np
import pytest

from harness.errors import UsageError
from harness.kmodel import load, save
from harness.simulator import RULES, Simulator, rules_probe
from tests.simulator.kpu_reference import convolved


def asked(question):
    return [index for index, (each, _) in enumerate(rules_probe.CHANNELS) if each == question]


@pytest.mark.parametrize("rules", RULES)
def test_the_file_gives_what_python_integers_say(rules):
    data = save(rules_probe.program())
    assert len(data) <= 16 * 1024
    program = load(data)
    found = Simulator(program, rules)(rules_probe.image())["output_0"].numpy()
    expected = convolved(program.operations[0], rules_probe.image(), rules)
    np.testing.assert_array_equal(found, expected)
    verdict = rules_probe.judge(found)
    assert verdict.rules == rules
    assert str(verdict) == f"follows the rules of {rules} in every byte"


def test_every_byte_but_the_controls_tells_the_sets_apart():
    older, newer = rules_probe.expected().values()
    for question, _ in rules_probe.CHANNELS:
        differs = older[:, asked(question)] != newer[:, asked(question)]
        assert differs.all() == (question not in rules_probe.CONTROLS)
        assert differs.any() == (question not in rules_probe.CONTROLS)
    for channel in older[0]:
        assert len(np.unique(channel)) >= 13
    assert (older != newer).mean() >= 0.75


def test_the_controls_know_a_board_that_rounds_as_mathematicians_do():
    layer, x = rules_probe.program().operations[0], rules_probe.image().astype(np.float64)
    channels = {q: asked(q)[0] for q in rules_probe.CONTROLS}
    newer = rules_probe.expected()["nncase-0.2"][0]
    for question, channel in channels.items():
        total = x[0, 0] * layer.batch_norm.multiplier[channel] + layer.batch_norm.addend[channel]
        segment = 2 if question == "plain" else 1
        start, factor = (int(v[segment]) for v in (layer.activation.start, [0, -1, 1]))
        plain = np.rint((total - start) * factor / 2) + layer.activation.bias[segment]
        assert (newer[channel] == plain).all() == (question == "plain")


def test_a_mixture_is_neither_and_each_question_is_answered():
    older, newer = rules_probe.expected().values()
    mixed = newer.copy()
    mixed[:, asked("starts")] = older[:, asked("starts")]
    verdict = rules_probe.judge(mixed)
    assert verdict.rules is None
    assert verdict.questions["starts"] == {"nncase-0.1": 1, "nncase-0.2": 0}
    assert verdict.questions["ties"] == {"nncase-0.1": 0, "nncase-0.2": 1}
    assert verdict.questions["plain"] == dict.fromkeys(RULES, 1)
    assert "follows neither rule set: ties 0% nncase-0.1, 100% nncase-0.2" in str(verdict)
    with pytest.raises(UsageError, match="not \\[1, 8, 8, 64\\]"):
        rules_probe.judge(mixed[:, :4])
