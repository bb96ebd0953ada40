"""`k210 simulate FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli import options

if TYPE_CHECKING:
    from harness.pipeline.simulation import Simulated


def simulate(
    kmodel: Annotated[Path, typer.Argument(metavar="FILE", help="kmodel, version 3, 4 or 5.")],
    inputs: Annotated[
        Path, typer.Option("--inputs", help="Folder of pictures, one picture, or .npy [N, ...].")
    ],
    out: options.Out,
    rules: Annotated[
        str, typer.Option("--rules", help="KPU rounding: nncase-0.2 (to 1.9) or nncase-0.1.")
    ] = "nncase-0.2",
    layers: Annotated[
        bool, typer.Option("--layers", help="Also write what every layer gives.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Run a kmodel in the bit-exact simulator; every output is written as .npy.

    Examples:

        k210 simulate runs/demo/model.kmodel --inputs photos --out runs/simulated

        k210 simulate old_v4.kmodel --inputs images.npy --layers --out runs/layers
    """
    from typing import cast

    from harness.cli.console import TerminalProgress, print_json
    from harness.pipeline.simulation import simulate as run
    from harness.simulator import Rules

    result = run(
        kmodel,
        inputs,
        out,
        rules=cast("Rules", rules),
        keep_layers=layers,
        progress=TerminalProgress(),
    )
    if as_json:
        print_json(_document(result))
    else:
        _show(result)


def _document(result: Simulated) -> dict[str, Any]:
    return {
        "folder": str(result.folder),
        "items": len(result.ids),
        "outputs": {
            name: {"shape": list(values.shape), "dtype": str(values.dtype)}
            for name, values in result.outputs.items()
        },
        "layers": list(result.layers),
    }


def _show(result: Simulated) -> None:
    from rich.table import Table
    from rich.text import Text

    from harness.cli.console import show_line, show_table

    table = Table(title=f"{len(result.ids)} items")
    for column in ("output", "shape", "type", "least", "mean", "most"):
        table.add_column(column)
    for name, values in result.outputs.items():
        figures = (f"{figure:.6g}" for figure in (values.min(), values.mean(), values.max()))
        shape = "x".join(map(str, values.shape))
        table.add_row(Text(name), shape, str(values.dtype), *figures)
    show_table(table)
    if result.layers:
        show_line(f"layers: {result.folder / 'layers'}")
    show_line(f"outputs: {result.folder / 'outputs' / 'kpu'}")
