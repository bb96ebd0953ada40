"""`k210 doctor`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import typer

from harness.cli import options


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and the remedy where it is not well."""

    name: str
    well: bool
    text: str
    remedy: str = ""


def doctor(as_json: options.Json = False) -> None:
    """Say what is installed, what is missing, and what to do about it.

    Exit code 0 when everything that the installed commands need is there, 2 otherwise.

    Examples:

        k210 doctor
    """
    from harness.cli.console import print_json, show_line

    findings = [_python(), *_packages(), _worker(), _virtual_board(), *_methods()]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            remedy = f" → {finding.remedy}" if finding.remedy else ""
            mark, style = ("ok", "green") if finding.well else ("missing", "red")
            show_line(f"{finding.name:<16} {finding.text}{remedy}", f"{mark:<7}", style)
    if not all(finding.well for finding in findings):
        raise typer.Exit(2)


def _python() -> Finding:
    import platform

    return Finding("python", True, platform.python_version())


def _packages() -> list[Finding]:
    return [
        *(_package(name, "pip install k210-harness") for name in ("torch", "onnx", "pillow")),
        *(_package(name, "pip install 'k210-harness[reference]'") for name in ("safetensors",)),
        *(
            _package(name, "pip install 'k210-harness[report]'")
            for name in ("jinja2", "matplotlib")
        ),
    ]


def _package(name: str, remedy: str) -> Finding:
    from importlib import metadata

    try:
        return Finding(name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(name, False, "is not installed", remedy)


def _worker() -> Finding:
    from harness.compiler.worker import environment

    status = environment.status()
    if status.environment is None:
        return Finding("nncase worker", False, status.problem, status.remedy)
    found = status.environment
    return Finding(
        "nncase worker", True, f"nncase {found.nncase_version} on Python {found.python_version}"
    )


def _virtual_board() -> Finding:
    from harness.board.virtual import installation
    from harness.files import cache_folder

    status = installation.status(cache_folder())
    return Finding("virtual board", status.ready, status.text, status.remedy)


def _methods() -> list[Finding]:
    from harness import method as registry
    from harness.errors import MethodError

    findings = []
    for name in sorted(registry.available()):
        try:
            findings.append(Finding(name, True, registry.get(name).info().title))
        except MethodError as error:
            findings.append(Finding(name, False, error.cause, error.remedy))
    return findings
