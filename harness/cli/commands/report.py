"""`k210 report` and `k210 serve`: the pages of a store."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options

StoreArgument = Annotated[
    str | None,
    typer.Argument(metavar="[STORE]", help="SQLite file or URL; else K210_STORE, or k210.sqlite."),
]


def report(
    store: StoreArgument = None,
    out: Annotated[
        Path, typer.Option("--out", help="Folder; new, or of such a site, then brought up to date.")
    ] = Path("site"),
    as_json: options.Json = False,
) -> int:
    """Write static pages of all runs: an overview, a page a method, a page a run.

    Examples:

        k210 report k210.sqlite --out site

        k210 report postgresql://lab@db/k210 --out site
    """
    from harness.cli.console import TerminalProgress, print_json, show_line
    from harness.site.build import build
    from harness.store.database import Store

    with Store.open(store) as opened:
        built = build(opened, out, progress=TerminalProgress())
    page = out / "index.html"
    if as_json:
        print_json({"page": str(page), "written": built.written, "kept": built.kept})
    else:
        show_line(f"{page}: {built.written} pages of runs written, {built.kept} were there")
    return 0


def serve(
    store: StoreArgument = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: a free one.")] = 8210,
    as_json: options.Json = False,
) -> int:
    """Show the pages of a store in a browser, and new runs as they come; Ctrl-C ends it.

    What runs with --store shows its progress on the overview.

    Examples:

        k210 serve k210.sqlite

        k210 serve k210.sqlite --host 0.0.0.0 --port 80
    """
    from harness.cli.console import TerminalProgress, print_json, show_line
    from harness.site.serve import serving
    from harness.store.database import Store

    with Store.open(store) as opened, serving(opened, host, port, TerminalProgress()) as server:
        url = f"http://{host}:{server.server_address[1]}/"
        if as_json:
            print_json({"url": url})
        else:
            show_line(f"{url}  Ctrl-C ends it")
        signal.pause()
    return 0
