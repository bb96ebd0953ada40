"""`--k210-link-reruns`: a test whose link stumbled is asked again, a model that is worse is not.

pytest-rerunfailures asks again; its own `--only-rerun` knows exceptions by their names, and
failures of the link have many.
"""

from __future__ import annotations

import pytest

OPTION = "--k210-link-reruns"
PLUGINS = ("rerunfailures", "pytest_rerunfailures")


def add_options(group: pytest.OptionGroup) -> None:
    """Add the option."""
    group.addoption(
        OPTION,
        type=int,
        default=0,
        metavar="N",
        help="run a test up to N times again where the link to the board failed, whatever that is "
        "called, and no other; wants pytest-rerunfailures",
    )


def check(config: pytest.Config) -> None:
    """Make sure that what asks again is there.

    Raises:
        pytest.UsageError: It is not installed.
    """
    known = any(config.pluginmanager.hasplugin(name) for name in PLUGINS)
    if config.getoption(OPTION) and not known:
        raise pytest.UsageError(
            f"{OPTION} wants pytest-rerunfailures → pip install 'pytest-rerunfailures>=16.2'"
        )


def mark(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test that has no rule of its own."""
    times = config.getoption(OPTION)
    if not times:
        return
    from harness.pytest_plugin.causes import link_errors

    again = pytest.mark.flaky(reruns=times, only_rerun=list(link_errors()))
    for item in items:
        if item.get_closest_marker("flaky") is None:
            item.add_marker(again)
