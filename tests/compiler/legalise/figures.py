"""The table of docs/legalise.md: `python -m tests.compiler.legalise.figures`."""

from __future__ import annotations

from harness.compare import compare
from harness.errors import CompileError
from harness.kmodel import load
from harness.timing import predict
from tests.compiler.legalise.conftest import OFF
from tests.compiler.legalise.test_compiled import CASES, network, share_on_kpu
from tests.compiler.test_build import deployable, run_both


def figures(net, rewrites) -> tuple[str, str, str]:
    """Return SNR, share of the KPU and predicted milliseconds, as texts."""
    try:
        compiled, expected, found = run_both(deployable(net), **rewrites)
    except CompileError:
        return "refused", "", ""
    snr = compare(expected, found).outputs["y"].snr_db
    share = share_on_kpu(compiled.kmodel)
    return f"{snr:.0f}", f"{share:.0%}", f"{predict(load(compiled.kmodel)).ms:.1f}"


def main() -> None:
    """Print one row a case."""
    for name, (_, request, _, _) in CASES.items():
        before, after = figures(network(name), OFF), figures(network(name), request)
        asked = ", ".join(f"`{key}={mode}`" for key, mode in request.items()) or "default"
        cells = (name, asked, *(f"{a} → {b}" for a, b in zip(before, after, strict=True)))
        print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
