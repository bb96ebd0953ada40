"""`k210 methods`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli import options
from harness.cli.completion import complete_method

if TYPE_CHECKING:
    from harness.method import MethodInfo


def methods(
    name: Annotated[
        str | None,
        typer.Argument(help="Show this one with its options.", autocompletion=complete_method),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List the methods, with paper, input and size of the part that runs on the K210.

    Examples:

        k210 methods

        k210 methods coin_classifier
    """
    from harness import method as registry
    from harness.cli.console import print_json

    names = [name] if name else sorted(registry.available())
    infos = [registry.get(each).info() for each in names]
    if as_json:
        print_json([_document(info) for info in infos])
    elif name:
        _show_one(infos[0])
    else:
        _show_all(infos)


def _document(info: MethodInfo) -> dict[str, Any]:
    from dataclasses import asdict

    document = asdict(info)
    document["options"] = {
        key: {"default": default, "help": text} for key, (default, text) in info.options.items()
    }
    return document


def _show_all(infos: list[MethodInfo]) -> None:
    from rich.table import Table

    from harness.cli.console import show_table

    table = Table()
    for column in ("method", "what it does", "input", "weights", "MACs", "paper"):
        table.add_column(column)
    for info in infos:
        table.add_row(info.name, info.title, _input(info), *_size(info), info.paper)
    show_table(table)


def _show_one(info: MethodInfo) -> None:
    from rich.table import Table

    from harness.cli.console import show_line, show_table

    weights, macs = _size(info)
    show_line(info.title, info.name, "bold")
    facts = {"paper": info.paper, "input": _input(info), "weights": weights, "MACs": macs}
    for name, fact in facts.items():
        show_line(f"{name:<8}{fact}")
    table = Table(title="options, set with --set NAME=VALUE")
    for column in ("name", "default", "meaning"):
        table.add_column(column)
    for key, (default, text) in info.options.items():
        table.add_row(key, str(default), text)
    show_table(table)


def _input(info: MethodInfo) -> str:
    channels, height, width = info.input.shape
    return f"{info.input.color} {channels}x{height}x{width}"


def _size(info: MethodInfo) -> tuple[str, str]:
    return f"{info.parameters / 1e6:.2f} M", f"{info.macs / 1e6:.1f} M"
