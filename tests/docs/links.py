"""Links of Markdown pages and of a built site, and where they lead."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from markdown.extensions.toc import slugify

OUTSIDE = ("http:", "https:", "mailto:", "data:", "javascript:")
WAIT_S = 20
WORKERS = 8
# The page is not there, and will not be.
GONE = (404, 410)
# Servers that turn programs away, or are busy: the page may well be there.
CANNOT_TELL = "cannot tell"

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_MARKDOWN_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def markdown_links(text: str) -> list[str]:
    """Return the targets of the links and pictures of a page, but for those in fenced blocks."""
    return _MARKDOWN_LINK.findall(_FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings."""
    titles = _HEADING.findall(_FENCE.sub("", text))
    return {slugify(re.sub(r"[`*]|\]\([^)]*\)|\[", "", title), "-") for title in titles}


def lost_in_markdown(page: Path) -> list[str]:
    """Return the links of a page that lead to no file, or to no heading in it."""
    lost = []
    for link in markdown_links(page.read_text()):
        if link.startswith(OUTSIDE):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            lost.append(link)
    return lost


class _Html(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.ids.add(value)
            elif name in ("href", "src") and value:
                self.links.add(value)


class Site:
    """A built site: its pages by address below the root, such as "reference/harness/"."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._pages = {
            path.relative_to(root).as_posix().removesuffix("index.html"): _Html(path.read_text())
            for path in root.rglob("*.html")
        }

    def lost(self) -> list[str]:
        """Return the links that lead to no file of the site, or to no place in it."""
        found = []
        for address, page in self._pages.items():
            # The page for addresses that are not there cannot know where it is.
            if address == "404.html":
                continue
            inside = (link for link in page.links if not link.startswith((*OUTSIDE, "//")))
            found += [f"{address}: {link}" for link in inside if not self._leads(address, link)]
        return sorted(found)

    def outside(self) -> set[str]:
        """Return the addresses on the web that the pages link to."""
        links = {link for page in self._pages.values() for link in page.links}
        return {link for link in links if link.startswith(("http:", "https:"))}

    def _leads(self, address: str, link: str) -> bool:
        parts = urlsplit(urljoin(f"http://site/{address}", link))
        path = unquote(parts.path).lstrip("/")
        page = self._pages.get(path)
        if page is None:
            return (self._root / path).is_file()
        return not parts.fragment or unquote(parts.fragment) in page.ids


def dead(addresses: Iterable[str]) -> dict[str, str]:
    """Ask for pages on the web, a few at a time.

    Returns:
        Address → why it leads nowhere. `CANNOT_TELL` and a reason is said of a server that did
        not answer or turned us away.
    """
    asked = sorted({address.partition("#")[0] for address in addresses})
    with ThreadPoolExecutor(WORKERS) as pool:
        found = zip(asked, pool.map(_trouble, asked), strict=True)
        return {address: trouble for address, trouble in found if trouble}


def _trouble(address: str) -> str:
    request = urllib.request.Request(address, headers={"User-Agent": "Mozilla/5.0"})
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S):
            return ""
    except urllib.error.HTTPError as error:
        return f"{error.code}" if error.code in GONE else f"{CANNOT_TELL}: {error.code}"
    except OSError as error:
        return f"{CANNOT_TELL}: {error}"
