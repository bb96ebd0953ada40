"""Which firmware can load a kmodel.

Sources: MaixPy-v1 `Kconfig` (`CONFIG_MICROPYTHON_KMODEL_V4_SUPPORT`) and its release notes, CanMV
1.0 `runtime/model.h`, kendryte-standalone-sdk `lib/nncase/v0`, `lib/nncase/v1`.
"""

from __future__ import annotations

from harness.kmodel.program import Program

_SDK = "kendryte-standalone-sdk"
_LOADERS = {
    3: ("MaixPy, every build", "CanMV K210 1.0", _SDK),
    4: ("MaixPy 0.5.1 and newer with kmodel v4 support (not *_minimum)", "CanMV K210 1.0", _SDK),
}


def loaders(program: Program) -> tuple[str, ...]:
    """Return the firmwares that load a program's file, one line each."""
    if program.version in _LOADERS:
        return _LOADERS[program.version]
    groups = " or ".join(program.candidates)
    return (f"{_SDK} 0.5.7 and newer, with an nncase {groups} runtime",)
