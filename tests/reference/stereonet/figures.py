"""The page's tables on the K210: `python -m tests.reference.stereonet.figures`.

The tower alone, after which the host filters in 3-D, and the whole pair with its filter folded
into 2-D convolutions.
"""

from __future__ import annotations

import statistics
import time

import torch

from harness.compiler.build import compile_deployable
from harness.kmodel import load
from harness.kmodel.operations import KpuConv2d
from harness.kmodel.work import work
from harness.pipeline.measure import measure
from harness.timing import predict
from reference.stereonet import METHOD
from reference.stereonet.checkpoint import read_checkpoint
from reference.stereonet.data import judging
from reference.stereonet.metrics import to_floats
from reference.stereonet.whole import whole_deployable

BACKENDS = ("float", "nncase", "kpu")
ROUNDS = 20


def share_on_kpu(kmodel: bytes) -> float:
    """Return the share of multiply-accumulates that the KPU does."""
    program = load(kmodel)
    found = work(program)
    on_kpu = (one.name for one in program.operations if isinstance(one, KpuConv2d))
    return sum(found[name].nominal for name in on_kpu) / sum(one.nominal for one in found.values())


def host_ms() -> dict[str, float]:
    """Return the median milliseconds of CPU time of the host's parts, on one thread."""
    torch.set_num_threads(1)
    network, pairs = read_checkpoint(METHOD.shipped()).network(), judging(1)
    left, right = (to_floats(torch.from_numpy(side)) for side in (pairs.left, pairs.right))
    with torch.no_grad():
        features = network.tower(torch.cat([left, right])).chunk(2)
        coarse = network.coarse(*features)
        return {
            "volume, filter and soft arg min": _median(lambda: network.coarse(*features)),
            "refinement": _median(lambda: network.refine(coarse, left)),
        }


def _median(call) -> float:
    taken = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        call()
        taken.append(1e3 * (time.process_time() - begun))
    return statistics.median(taken)


def main() -> None:
    """Print what each part costs and loses."""
    for part, taken in host_ms().items():
        print(f"host, {part}: {taken:.1f} ms", flush=True)
    for deployable in (METHOD.deployable(METHOD.shipped()), whole_deployable(METHOD.shipped())):
        compiled = compile_deployable(deployable)
        done = measure(deployable, BACKENDS, compiled=compiled)
        program = load(compiled.kmodel)
        print(deployable.name, f"{len(compiled.kmodel)} bytes, {share_on_kpu(compiled.kmodel):.1%}")
        print(f"  predicted {predict(program).ms:.1f} ms with kmodel v5", flush=True)
        for name, result in done.results.items():
            metrics = deployable.metrics(result.outputs, done.deployable.evaluation)
            print(f"  {name}", {key: round(value, 4) for key, value in metrics.items()})
        for one in done.comparisons:
            entries = {name: (round(e.cosine, 5), e.snr_db) for name, e in one.outputs.items()}
            print(f"  {one.reference} : {one.candidate}", entries, flush=True)


if __name__ == "__main__":
    main()
