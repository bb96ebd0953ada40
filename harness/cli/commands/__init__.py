"""One file a command. They import nothing heavy before they run."""

from __future__ import annotations

import typer

from harness.cli.commands import (
    baseline,
    bench,
    blame,
    board,
    check,
    compare,
    compile_model,
    convert,
    diff,
    doctor,
    finetune,
    fit,
    gate,
    inspect,
    methods,
    predict,
    report,
    run,
    setup,
    simulate,
    store,
    train,
)


def register(app: typer.Typer) -> None:
    """Add every command, in the order in which help shows them."""
    app.command("doctor")(doctor.doctor)
    app.command("setup")(setup.setup)
    app.command("methods")(methods.methods)
    app.command("check")(check.check)
    app.command("train")(train.train)
    app.command("run")(run.run)
    app.command("finetune")(finetune.finetune)
    app.command("compare")(compare.compare)
    app.command("compile")(compile_model.compile_model)
    app.command("convert")(convert.convert)
    app.command("simulate")(simulate.simulate)
    app.command("inspect")(inspect.inspect)
    app.command("blame")(blame.blame)
    app.command("predict")(predict.predict)
    app.command("fit")(fit.fit)
    app.command("diff")(diff.diff)
    app.add_typer(board.app, name="board")
    app.command("gate")(gate.gate)
    app.command("report")(report.report)
    app.command("serve")(report.serve)
    app.add_typer(store.app, name="store")
    app.add_typer(baseline.app, name="baseline")
    app.add_typer(bench.app, name="bench")
