"""A board that is not there is told before anything is trained or written."""

from __future__ import annotations


def test_nothing_is_done_for_a_board_that_is_not_there(k210_command, tmp_path):
    out = tmp_path / "run"
    options = ("--backends", "float,board", "--board", "/dev/nowhere", "--out", out)
    ended = k210_command("run", "coin_classifier", *options)
    assert "there is no port /dev/nowhere" in ended.error_line()
    assert not out.exists()
