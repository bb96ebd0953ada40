"""`k210 board`: what is on a serial port."""

from __future__ import annotations

import typer

from harness.cli.commands.board import control, files, flash, identity, recovery, virtual

app = typer.Typer(no_args_is_help=True, help="Find boards, ask them, move files, run code.")


@app.callback()
def _group() -> None:
    pass


app.command("list")(identity.list_boards)
app.command("info")(identity.info)
app.command("put")(files.put)
app.command("get")(files.get)
app.command("ls")(files.ls)
app.command("rm")(files.rm)
app.command("df")(files.df)
app.command("exec")(control.execute)
app.command("repl")(control.repl)
app.command("reset")(control.reset)
app.command("flash")(flash.flash)
app.command("recover")(recovery.recover)
app.command("release")(recovery.release)
app.command("virtual")(virtual.virtual)
