"""Blame of a method's run: its own pictures, and a checkpoint that has to be the kmodel's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness import method as methods
from harness.errors import ContractError
from harness.method import TrainJob
from harness.pipeline.blame import BlameRequest, blame_run
from harness.pipeline.method_run import MethodRun, run_method
from harness.pipeline.run import RunRequest
from harness.report.schema import read_report
from tests.pipeline.test_run import Brightness, brightness_net, deployable

pytestmark = pytest.mark.sim


class OtherBrightness(Brightness):
    """The same method with other weights."""

    def deployable(self, checkpoint, data=None, fold=None):
        return replace(deployable(), module=brightness_net(gain=2.0))


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(methods, "available", lambda: {"brightness": None})
    monkeypatch.setattr(methods, "get", lambda _name: Brightness())
    out = tmp_path / "run"
    request = RunRequest("brightness", ("float", "kpu"), data="shipped sample data")
    run_method(MethodRun(Brightness(), TrainJob(out), request))
    return out


def test_a_methods_run_is_looked_at_with_its_own_pictures(run):
    blame = blame_run(BlameRequest(run, images=6))
    assert blame.images == 6
    assert blame.verdict.stage == "none", blame.verdict
    assert any("PyTorch's recorded outputs agree" in line for line in blame.verdict.evidence)
    assert [layer.layer for layer in read_report(run).layers] == [row.name for row in blame.rows]


def test_a_checkpoint_that_is_not_the_kmodels_is_refused(run, monkeypatch):
    monkeypatch.setattr(methods, "get", lambda _name: OtherBrightness())
    with pytest.raises(
        ContractError, match=r"checkpoint\.safetensors and the kmodel do not belong"
    ):
        blame_run(BlameRequest(run))
    assert not (run / "blame.json").exists()
    assert read_report(run).blame is None
