"""What CONTRIBUTING quotes, changes and names; `examples.py` runs its commands."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.docs.blocks import REPOSITORY, apply, blocks_of, quotes
from tests.docs.pages import CONTRIBUTING

TEXT = CONTRIBUTING.read_text()
OPERATION = TEXT.partition("## Adding an operation")[2]


def test_blocks_are_found():
    page = (
        "a\n```sh\nk210 --help\n```\n<!-- not run: set-up -->\n```sh\nrm x\n```\n"
        "1. b\n\n    ```python\n    # n.py\n    if a:\n        b\n    ```\n"
    )
    found = blocks_of(page)
    assert [(b.kind, b.skipped, b.file) for b in found] == [
        ("sh", False, ""),
        ("sh", True, ""),
        ("python", False, "n.py"),
    ]
    assert found[2].quoted == "if a:\n    b\n"


@pytest.mark.parametrize("block", quotes(blocks_of(TEXT)), ids=lambda block: block.file)
def test_code_that_is_quoted_stands_in_its_file(block):
    assert f"\n{block.quoted}" in (REPOSITORY / block.file).read_text()


def test_the_walk_through_of_an_operation_names_every_file_that_knows_it():
    files = (REPOSITORY / "harness").rglob("*.py")
    knowing = {
        path.relative_to(REPOSITORY).as_posix()
        for path in files
        if re.search("hardmax", path.read_text(), re.IGNORECASE)
    }
    named = set(re.findall(r"harness/[\w/]+\.py", OPERATION))
    assert knowing
    assert knowing <= named


def test_the_changes_fit(tmp_path):
    changes = [block.text for block in blocks_of(TEXT) if block.kind == "diff"]
    assert changes
    for change in changes:
        name = re.search(r"^--- a/(\S+)$", change, re.MULTILINE)[1]
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
        apply(change, tmp_path)
        compile((tmp_path / name).read_text(), name, "exec")


def test_a_change_that_fits_nowhere_is_an_error(tmp_path):
    (tmp_path / "a.py").write_text("a = 1\nb = 2\n")
    change = "--- a/a.py\n+++ b/a.py\n@@\n a = 1\n-b = {}\n+b = 3\n"
    with pytest.raises(AssertionError, match=r"a\.py has not one place"):
        apply(change.format(4), tmp_path)
    apply(change.format(2), tmp_path)
    assert (tmp_path / "a.py").read_text() == "a = 1\nb = 3\n"


def test_every_file_and_name_in_the_tables_is_there():
    """A row names a thing and the file that it stands in."""
    for name, file in re.findall(r"`(_?[A-Z]\w+)` in `(\S+?\.py)`", TEXT):
        assert re.search(rf"^{name}\b", (REPOSITORY / file).read_text(), re.MULTILINE), file
    for path in re.findall(r"`((?:harness|tests|docs|reference|fixtures)/[\w/.]+)`", TEXT):
        assert (REPOSITORY / path).exists(), path
