"""The commands of README, CONTRIBUTING and docs, executed as they stand: `tox run -e examples`.

Every fenced block marked `sh` is run by bash, every one marked `python` by Python or, where its
first line names a file, written to it; the blocks of a page one after the other in one folder that
has the repository's `fixtures` and `device_scripts` in it, those of CONTRIBUTING in a copy of the
repository. A comment right before a block says what else there is to know: `not run: REASON`, `on a
virtual board` (K210_BOARD names it, one for the whole page), `until it is interrupted`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import REPOSITORY, follow
from tests.docs.pages import CONTRIBUTING, PAGES

pytestmark = [pytest.mark.sim, pytest.mark.timeout(0)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_the_commands_of_a_page_run(page, tmp_path):
    for name in ("fixtures", "device_scripts"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    follow(page, tmp_path, {})


def copy_of_the_repository(folder: Path) -> Path:
    """Copy what git knows of, or would."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in filter(None, names.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)
    return folder


def pip_aside(folder: Path) -> Path:
    """Make a `pip` that installs into a folder of its own, in place of this environment."""
    pip = folder / "bin/pip"
    pip.parent.mkdir()
    aside = f'--quiet --no-deps --target "{folder}"'
    pip.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pip "$@" {aside}\n')
    pip.chmod(0o755)
    return pip.parent


def test_the_walk_throughs_of_contributing_run(tmp_path):
    clone, installed = copy_of_the_repository(tmp_path / "clone"), tmp_path / "installed"
    installed.mkdir()
    path = pip_aside(installed), Path(sys.executable).parent, os.environ["PATH"]
    follow(
        CONTRIBUTING,
        clone,
        {"PATH": os.pathsep.join(map(str, path)), "PYTHONPATH": f"{clone}{os.pathsep}{installed}"},
    )
