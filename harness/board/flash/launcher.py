"""The subprocess: kflash as its authors wrote it, on any port that pyserial opens.

`python -m harness.board.flash.launcher ARGUMENTS OF KFLASH`. kflash opens devices only, and stops
at ports without DTR and RTS; here those count as wired to nothing.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any


def main() -> None:
    """Run kflash."""
    import serial

    class Port(serial.Serial):  # type: ignore[misc]
        """A port whose control lines may be missing."""

        def _update_dtr_state(self) -> None:
            with contextlib.suppress(OSError):
                super()._update_dtr_state()

        def _update_rts_state(self) -> None:
            with contextlib.suppress(OSError):
                super()._update_rts_state()

    def opened(port: str, **settings: Any) -> Any:  # noqa: ANN401  one class a URL scheme
        if "://" in port:
            return serial.serial_for_url(port, **settings)
        if os.name == "posix":
            settings["exclusive"] = True
        return Port(port, **settings)

    serial.Serial = opened
    import kflash

    kflash.main()


if __name__ == "__main__":
    sys.argv[0] = "kflash"
    main()
