"""The pages that people read."""

from tests.docs.blocks import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
CONTRIBUTING = REPOSITORY / "CONTRIBUTING.md"
