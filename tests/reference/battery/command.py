"""`k210 run` and `k210 train` as a user meets them."""

from __future__ import annotations

import json
import shutil
from typing import Any, ClassVar

import pytest

from harness.cli.app import run
from harness.method import Method
from harness.report.schema import read_report


class ShippedCommand:
    """What `k210 run` of every method keeps to.

    Attributes:
        method: What is tested.
        good: Whether the metrics of nncase's simulator are good enough.
        written: Files of a run, beside models and checkpoint.
    """

    method: ClassVar[Method]
    good: ClassVar[Any]
    written: ClassVar[tuple[str, ...]]

    @pytest.mark.sim
    def test_the_shipped_weights_run(self, tmp_path, capsys):
        out, name = tmp_path / "run", self.method.info().name
        assert run(["run", name, "--out", str(out), "--json"]) == 0, capsys.readouterr().err
        report = read_report(out)
        assert json.loads(capsys.readouterr().out)["run_id"] == report.run_id
        assert report.verdict == "pass"
        assert self.good(report.backends["nncase"].metrics)
        models = ("model.kmodel", "model.v4.kmodel", "checkpoint.safetensors")
        for file in (*models, *self.written):
            assert (out / file).stat().st_size
        assert not (out / "training").exists()


class CommandBattery(ShippedCommand):
    """What the commands of a method that learns from a user's pictures keep to.

    Attributes:
        data: Name of the fixture of a user's folder.
        picture: Of one picture in it.
    """

    data: ClassVar[str]
    picture: ClassVar[str]

    def test_a_picture_that_is_none(self, failure, request, tmp_path):
        data, out = tmp_path / "data", tmp_path / "out"
        shutil.copytree(request.getfixturevalue(self.data), data)
        (data / self.picture).write_bytes(b"no picture")
        line = failure("train", self.method.info().name, "--data", data, "--out", out)
        assert self.picture.removesuffix(".png") in line
        assert not out.exists()
