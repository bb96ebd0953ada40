"""A hook of mkdocs: pages of the reference, one for each package, made of its docstrings.

A page has the package's own text and that of its modules; packages below it have pages of their
own, as have the modules right below `harness`. Nothing is imported: mkdocstrings reads the files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

REPOSITORY = Path(__file__).resolve().parent.parent
ROOTS = (Path("harness"), Path("reference"))
SECTION = "Reference"
# What runs on the virtual board's MicroPython, and what alembic runs.
LEFT_OUT = ("harness/board/virtual/modules", "harness/store/migrations")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Append the reference to the navigation."""
    config.nav = [*(config.nav or []), {SECTION: [_branch(root) for root in ROOTS]}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for root in ROOTS:
        for package in _tree(root):
            files.append(File.generated(config, _address(package), content=_page(package)))
        for module in _own_pages(root):
            text = f"# {_name(module)}\n{_described(module, 2)}"
            files.append(File.generated(config, _address(module), content=text))
    return files


def _branch(package: Path) -> dict[str, Any]:
    """Return a package's place in the navigation, with what is below it."""
    below = [
        *map(_branch, _packages(package)),
        *({one.stem: _address(one)} for one in _own_pages(package)),
    ]
    return {package.name: [_address(package), *sorted(below, key=lambda one: next(iter(one)))]}


def _tree(package: Path) -> Iterator[Path]:
    yield package
    for child in _packages(package):
        yield from _tree(child)


def _packages(folder: Path) -> list[Path]:
    found = (
        path.parent.relative_to(REPOSITORY) for path in (REPOSITORY / folder).glob("*/__init__.py")
    )
    return sorted(one for one in found if not one.as_posix().startswith(LEFT_OUT))


def _modules(package: Path) -> list[Path]:
    return sorted(path.relative_to(REPOSITORY) for path in (REPOSITORY / package).glob("[!_]*.py"))


def _own_pages(package: Path) -> list[Path]:
    return _modules(package) if package in ROOTS else []


def _name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts)


def _address(path: Path) -> str:
    page = path.with_suffix(".md") if path.suffix else path / "index.md"
    return f"reference/{page.as_posix()}"


def _page(package: Path) -> str:
    """Return the Markdown of a package's page."""
    own, passed = _names(package)
    parts = [f"# {_name(package)}\n", _described(package, 2, own)]
    if passed:
        # Optional: a constant without a text of its own is on no page.
        link = '<autoref optional identifier="{0}.{1}"><code>{1}</code></autoref>'
        links = (link.format(_name(package), one) for one in passed)
        parts.append(f"\nTo be had from here: {', '.join(links)}.\n")
    if package not in ROOTS:
        parts += (f"\n## {one.stem}\n{_described(one, 3)}" for one in _modules(package))
    return "".join(parts)


def _names(package: Path) -> tuple[list[str], list[str]]:
    """Return the names that an `__init__.py` defines, and those that it passes on."""
    init = REPOSITORY / package / "__init__.py"
    module = griffe.visit(_name(package), init, init.read_text())
    own = [name for name, one in module.members.items() if not one.is_alias and name[0] != "_"]
    passed = [str(name) for name in module.exports or () if module.members[str(name)].is_alias]
    return own, passed


def _described(path: Path, level: int, members: list[str] | None = None) -> str:
    """Return what mkdocstrings makes of a module: all of it, or some members."""
    chosen = "" if members is None else f"      members: {members or 'false'}\n"
    return f"\n::: {_name(path)}\n    options:\n      heading_level: {level}\n{chosen}"
