"""Reading a page back as a browser would, as far as these tests ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset({"meta", "img", "br", "hr", "link", "input"})


@dataclass
class Page(HTMLParser):
    """What is on a page.

    Attributes:
        elements: Every start tag with its attributes, in order.
        words: All text outside `<style>`.
        unbalanced: End tags that close something else than was opened last.
    """

    source: str
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    words: str = ""
    unbalanced: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += data

    @property
    def text(self) -> str:
        """All text with runs of space made one."""
        return " ".join(self.words.split())

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every element with that tag."""
        return [attributes for name, attributes in self.elements if name == tag]

    def sections(self) -> set[str]:
        return {attributes.get("id", "") for attributes in self.all("section")}
