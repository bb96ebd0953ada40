"""Pages as the site renders them: with the extensions of mkdocs.yml, and nothing lost by them."""

from __future__ import annotations

import re

import markdown
import pytest
import yaml

from tests.docs.blocks import REPOSITORY
from tests.docs.pages import CONTRIBUTING, PAGES

_LISTED = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text())["markdown_extensions"]
EXTENSIONS = [one if isinstance(one, str) else next(iter(one)) for one in _LISTED]
# Targets of links and comments are not seen.
UNSEEN = re.compile(r"\]\([^)]*\)|<!--.*?-->", re.DOTALL)


def seen(text: str) -> str:
    """Return what a reader sees of a page."""
    html = markdown.markdown(UNSEEN.sub("]()", text), extensions=EXTENSIONS)
    return re.sub(r"<[^>]+>", "", html)


@pytest.mark.parametrize("page", [*PAGES, CONTRIBUTING], ids=lambda page: page.name)
def test_no_underscore_of_a_name_is_taken_for_emphasis(page):
    text = page.read_text()
    assert seen(text).count("_") == UNSEEN.sub("", text).count("_")


def test_names_between_words_that_are_set_off_stay_names():
    assert seen("*L*_D over *D* and *L*_G over *g*") == "L_D over D and L_G over g"
