"""Only what is plugged into this machine is called real."""

from __future__ import annotations

import pytest

from harness.board.info import _kind


@pytest.mark.parametrize(
    ("says_so", "url", "kind"),
    [
        (False, "/dev/ttyUSB0", "real"),
        (False, "COM5", "real"),
        (False, "/dev/pts/3", "virtual"),
        (False, "socket://127.0.0.1:5000", "remote"),
        (False, "rfc2217://host:2217", "remote"),
        (True, "rfc2217://host:2217", "virtual"),
        (True, "/dev/ttyUSB0", "virtual"),
    ],
)
def test_kind(says_so, url, kind):
    assert _kind(says_so, url) == kind
