"""Rung by rung: what each does to a line, and that none takes longer than it says."""

from __future__ import annotations

import os
import time

import pytest

from harness.board.board import Board
from harness.board.failures import SilentBoardError
from harness.board.recovery import journal, power, quarantine, wirings
from harness.board.recovery.ladder import Ladder, State
from harness.board.recovery.recover import LostBoardError, recover
from harness.board.recovery.rungs import Interrupt, LineReset, Power, Replug, SoftReset, reopen
from harness.board.whereabouts import Identity, find, identity, record_virtual
from harness.errors import BoardError
from tests.conftest import timed


@pytest.fixture
def quick(monkeypatch):
    """Shorter waits, for ports where nobody ever answers."""
    from harness.board import repl
    from harness.board.recovery import rungs

    monkeypatch.setattr(repl, "BOOT_S", 0.1)
    monkeypatch.setattr(repl.RawRepl.enter, "__defaults__", (0.3,))
    monkeypatch.setattr(rungs, "ANSWER_S", 0.3)


@pytest.fixture
def silent(peer):
    """A board object on a port that never answers."""
    made = []

    def make(*arguments):
        board = Board.opened_unasked(peer(*arguments).port)
        made.append(board)
        return board

    yield make
    for board in made:
        board._close_port()


class Raw:
    """Answers Ctrl-A once somebody has sent a byte that wakes it."""

    def __init__(self, wakes: bytes) -> None:
        self.wakes, self.awake = wakes, False

    def __call__(self, data: bytes) -> bytes:
        self.awake = self.awake or self.wakes in data
        return b"raw REPL; CTRL-B to exit\r\n>" if self.awake and b"\x01" in data else b""


@timed
def test_a_dead_board_is_known_within_ten_seconds(peer):
    started = time.monotonic()
    with pytest.raises(SilentBoardError, match="nothing answers"):
        Board.open(peer().port)
    assert time.monotonic() - started < 10


def test_interrupt_helps_where_ctrl_c_is_heard(silent):
    assert Interrupt(silent(Raw(b"\x03"))).climb() == "helped"


def test_soft_reset_helps_where_only_ctrl_d_is_heard(silent, quick):
    board = silent(Raw(b"\x02\x04"))
    assert Interrupt(board).climb() == "failed"
    assert SoftReset(board).climb() == "helped"


def test_a_port_without_control_lines_has_no_line_reset(silent):
    assert LineReset(silent(), wirings.DAN).climb() == "absent"


@pytest.mark.parametrize("wiring", wirings.WIRINGS, ids=lambda wiring: wiring.name)
def test_a_line_reset_pulls_reset_and_lets_go(silent, quick, monkeypatch, wiring):
    board, levels, slept = silent(), [], []
    monkeypatch.setattr(board.repl.line, "set_levels", lambda *pair: levels.append(pair))
    assert LineReset(board, wiring, slept.append).climb() == "failed"
    assert tuple(levels) == wiring.reset
    assert levels[-1] == (False, False)
    assert slept == [wirings.HOLD_S] * len(levels)
    assert sum(dtr or rts for dtr, rts in levels) == 1


def test_bridges_get_their_wirings_and_unknown_ones_all():
    assert wirings.wirings_of((0x1A86, 0x7523)) == (wirings.DAN,)
    assert wirings.wirings_of((0x0403, 0x6001)) == (wirings.KD233,)
    assert wirings.wirings_of((0x1234, 0x5678)) == wirings.WIRINGS
    assert wirings.wirings_of(None) == wirings.WIRINGS


def test_the_power_hook_gets_the_port_and_helps(silent, quick, tmp_path):
    answer = Raw(b"\x00")
    board = silent(answer)
    said = tmp_path / "said"
    known = Identity("port", board.repl.line.url)
    command = f'printf %s "$K210_PORT" > {said}'
    assert Power(board, known, command).climb() == "failed"
    assert said.read_text() == board.repl.line.url
    answer.awake = True
    assert Power(board, known, command).climb() == "helped"
    assert Power(board, known, None).climb() == "absent"


def test_a_power_hook_that_fails_says_what_it_said():
    with pytest.raises(BoardError, match="exit code 3: no such hub"):
        power.cycle("echo no such hub; exit 3", "/dev/null")


@timed
def test_a_power_hook_that_hangs_is_ended_with_its_children(tmp_path):
    started, mark = time.monotonic(), tmp_path / "alive"
    with pytest.raises(BoardError, match="not done after"):
        power.cycle(f"(sleep 1.5; touch {mark}) & wait", "/dev/null", 0.3)
    assert time.monotonic() - started < 1.4
    time.sleep(1.6)
    assert not mark.exists()


def test_the_hook_of_the_environment_counts_where_none_is_given(monkeypatch):
    monkeypatch.setenv(power.VARIABLE, "environment")
    assert power.hook_of() == "environment"
    assert power.hook_of("given") == "given"
    monkeypatch.delenv(power.VARIABLE)
    assert power.hook_of() is None


def test_replug_is_not_there_while_the_port_is(silent):
    board = silent()
    assert Replug(board, identity(board.repl.line.url)).climb() == "absent"


def test_a_board_is_found_under_another_name(peer):
    one, other = peer(), peer(Raw(b"\x03"))
    record_virtual("v1", one.port)
    known = identity(one.port)
    assert known == Identity("virtual", "v1")
    board = Board.opened_unasked(one.port)
    try:
        record_virtual("v1", other.port)
        assert find(known) == other.port
        reopen(board, known, 1.0)
        assert board.repl.line.url == other.port
        board.repl.enter()
    finally:
        board._close_port()
    Board.opened_unasked(one.port)._close_port()  # its lock is free again


@timed
def test_a_port_that_does_not_come_back_is_waited_for_in_vain(peer):
    board = Board.opened_unasked(peer().port)
    record_virtual("v2", board.repl.line.url)
    known = identity(board.repl.line.url)
    record_virtual("v2", None)
    started = time.monotonic()
    with pytest.raises(BoardError, match=r"has not come back after 0\.5 s"):
        reopen(board, known, 0.5)
    assert 0.4 < time.monotonic() - started < 2
    board._close_port()


def test_a_board_that_does_not_come_back_goes_into_quarantine(silent, quick):
    board = silent()
    port = board.repl.line.url
    with pytest.raises(LostBoardError, match="interrupt, soft reset") as caught:
        recover(board, "it fell silent")
    assert "release" in caught.value.remedy
    board._close_port()
    with pytest.raises(BoardError, match=r"in quarantine since .*it fell silent; tried: interrupt"):
        Board.open(port)
    assert [one.helped for one in journal.history(port)] == [None]
    assert quarantine.release(port)
    assert not quarantine.release(port)
    with pytest.raises(SilentBoardError):
        Board.open(port, patience=0.2)


def test_a_port_where_no_board_was_known_is_not_put_away(peer, quick):
    port = peer().port
    with pytest.raises(LostBoardError, match="another port"):
        Board.open(port, patience=0.3, revive=True)
    assert quarantine.find(port) is None


def test_a_silent_board_is_opened_by_way_of_the_ladder(peer, quick):
    with Board.open(peer(Raw(b"\x02\x04")).port, patience=0.3, revive=True) as board:
        assert [one.helped for one in board.recoveries] == ["soft reset"]
        assert journal.history(board.repl.line.url) == board.recoveries


def test_a_damaged_marker_still_counts(peer):
    port = peer().port
    quarantine.put(port, "why")
    quarantine.marker(port).write_text("{")
    with pytest.raises(BoardError, match="quarantine"):
        quarantine.refuse(port)


def test_a_damaged_log_loses_a_line_only(peer):
    port = peer().port
    journal.note(port, "one", None, [])
    with journal.beside(port, journal.SUFFIX).open("a") as file:
        file.write("{\n")
    journal.note(port, "two", "power", [])
    assert [found.why for found in journal.history(port)] == ["one", "two"]


def test_the_real_ladder_is_bounded(silent):
    from harness.board.recovery.rungs import rungs

    board = silent()
    ladder = Ladder(rungs(board, identity(board.repl.line.url), hook="true"))
    assert ladder.state is State.SILENT
    assert ladder.limit < 180


def test_a_port_that_is_gone_is_noticed():
    import tty

    from harness.board.port import SerialLine

    ours, theirs = os.openpty()
    tty.setraw(theirs)
    line = SerialLine(os.ttyname(theirs))
    assert not line.gone
    os.close(theirs)
    os.close(ours)
    assert line.gone
    line.close()
