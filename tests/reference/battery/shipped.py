"""The shipped weights: on every backend, and as manifest and page describe them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from harness.kmodel import load
from harness.kmodel.operations import KpuConv2d
from harness.kmodel.work import work
from harness.method import Deployable, EvaluationSet, Method
from harness.pipeline.run import RunRequest, RunResult, execute
from reference.shipped import weights_file

MOST_BYTES = 1_000_000


def few(method: Method, count: int) -> Deployable:
    """Return the shipped deployable with fewer items to compare on."""
    deployable = method.deployable(method.shipped())
    whole = deployable.evaluation
    labels = None if whole.labels is None else whole.labels[:count]
    cut = EvaluationSet(whole.ids[:count], whole.inputs[:count], labels, whole.classes)
    return replace(deployable, evaluation=cut)


def of_backends(run: RunResult) -> dict[str, dict[str, float]]:
    """Return the metrics of each backend."""
    return {name: backend.metrics for name, backend in run.report.backends.items()}


def outputs_of(run: RunResult, backend: str, output: str) -> np.ndarray:
    """Return an output as a backend gave it."""
    return np.load(run.folder / "outputs" / backend / f"{output}.npy")


class ShippedBattery:
    """What all shipped weights keep to.

    Attributes:
        method: What is tested.
        few: Makes the shipped deployable with so many items.
        items: On the simulators.
        on_board: On the virtual board, which takes its time.
        share: Least share of multiplications that the KPU does.
    """

    method: ClassVar[Method]
    items: ClassVar[int]
    on_board: ClassVar[int]
    share: ClassVar[float] = 0.95

    @classmethod
    def few(cls, count: int) -> Deployable:
        return few(cls.method, count)

    @classmethod
    def run_on(cls, folder: Any, count: int, *backends: str, **more: Any) -> RunResult:
        name = cls.method.info().name
        return execute(cls.few(count), folder / name, RunRequest(name, backends, **more))

    @pytest.fixture(scope="class")
    @classmethod
    def run(cls, tmp_path_factory):
        return cls.run_on(tmp_path_factory.mktemp("run"), cls.items, "float", "nncase", "kpu")

    @pytest.mark.sim
    def test_the_two_simulators_agree_to_the_bit(self, run):
        assert run.report.verdict == "pass"
        metrics = of_backends(run)
        assert metrics["kpu"] == metrics["nncase"]
        outputs = self.method.deployable(self.method.shipped()).outputs
        for name in outputs:
            arrays = (outputs_of(run, backend, name) for backend in ("nncase", "kpu"))
            assert np.array_equal(*arrays)

    @pytest.mark.sim
    @pytest.mark.parametrize("file", ["model.kmodel", "model.v4.kmodel"])
    def test_the_kpu_does_nearly_all_of_the_work(self, run, file):
        program = load(run.folder / file)
        found = work(program)
        on_kpu = {one.name for one in program.operations if isinstance(one, KpuConv2d)}
        total = sum(one.nominal for one in found.values())
        assert total > 0
        assert sum(found[name].nominal for name in on_kpu) / total >= self.share

    @pytest.mark.sim
    @pytest.mark.slow
    @pytest.mark.timeout(1200)
    def test_the_virtual_board_gives_what_the_simulator_gives(self, tmp_path):
        done = self.run_on(tmp_path, self.on_board, "float", "kpu", "board", board="virtual")
        assert done.report.verdict == "pass"
        metrics = of_backends(done)
        assert metrics["board"] == metrics["kpu"]
        self.check_board(metrics)
        for name in self.method.deployable(self.method.shipped()).outputs:
            arrays = (outputs_of(done, backend, name) for backend in ("kpu", "board"))
            assert np.array_equal(*arrays)

    def check_board(self, metrics: dict[str, dict[str, float]]) -> None:
        """Check what else a method promises of the board."""


class ManifestBattery:
    """What all manifests keep to.

    Attributes:
        method: What is tested.
        read: The method's `read_checkpoint`.
    """

    method: ClassVar[Method]
    read: ClassVar[Callable[..., Any]]

    def test_the_manifest_is_of_the_shipped_weights(self):
        name, path = self.method.info().name, self.method.shipped()
        manifest = json.loads(weights_file(f"{name}.json").read_text())
        assert path.name == f"{name}.safetensors"
        assert path.stat().st_size <= MOST_BYTES
        assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        found = self.read(path)
        assert manifest["job"] == found.job
        assert manifest["metrics"] == pytest.approx(found.metrics)
        assert f"k210 train {name}" in manifest["command"]
