"""Which of the two published rule sets the KPU follows: nobody has said so, a board can."""

import pytest

from harness.board.runner import Runner
from harness.kmodel import save
from harness.simulator import rules_probe

pytestmark = pytest.mark.hil


def test_the_board_follows_one_of_the_published_rule_sets(board, capsys, record_property):
    kmodel, info = save(rules_probe.program()), board.info
    if info.kpu_api != "KPU":
        pytest.skip("this firmware hands out floats only, and the probe answers in bytes")
    info.refuse_unloadable(kmodel)
    folder = max(info.file_systems, key=lambda system: system.free).path
    with Runner(board, kmodel, info.kpu_api, folder) as runner:
        (found,) = runner.run(rules_probe.image()).outputs
    verdict = rules_probe.judge(found)
    record_property("rules", verdict.rules or "neither")
    with capsys.disabled():
        print(f"\nthe {info.kind} board on {info.port} ({info.firmware}) {verdict}")
    assert verdict.rules, str(verdict)
