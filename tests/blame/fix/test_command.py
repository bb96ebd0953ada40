"""`k210 blame RUN --fix` from end to end: what is kept lies beside the run, to be made again."""

import json
import shlex

import numpy as np
import pytest

from harness.blame.fix.calibration import CalibrationMethod
from harness.blame.fix.equalise import Equalise
from harness.cli.app import run as main
from harness.compiler.contract import read_model
from harness.pipeline.fixing import FIXED, TRIED_FILE
from tests.blame.fix.seeded import network, pictures, recipe, with_outlier

pytestmark = pytest.mark.sim


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A compilation of a network with an outlier channel, with its pictures beside it."""
    fixes = (CalibrationMethod("cdf"), Equalise("maps"))  # all of them take nncase minutes
    monkeypatch.setattr("harness.blame.fix.search.standard_fixes", lambda *_: fixes)
    one = recipe(with_outlier(network()), pictures(16, 1))
    folder = tmp_path / "run"
    one.compile().write(folder)
    np.save(tmp_path / "calibration.npy", one.calibration)
    np.save(tmp_path / "test.npy", pictures(24, seed=5))
    return folder


def fix(run, *more, calibration="calibration.npy"):
    words = ["blame", str(run), "--fix", "--data", str(run.parent / "test.npy")]
    words += ["--calibration", str(run.parent / calibration), "--json", *more]
    return main(words)


def test_what_is_kept_is_written_and_compiles_again_to_the_same_file(run, capsys):
    fix(run)
    said = json.loads(capsys.readouterr().out)
    assert [hint["kind"] for hint in said["hints"]] == ["outlier channel"]
    assert said["fixed"]["kept"] == ["equalise maps"]
    assert said["fixed"]["total"]["low"] > 5
    contract, kmodel = read_model(run / FIXED)
    assert (run / FIXED / "model.v4.kmodel").is_file()
    assert json.loads((run / FIXED / TRIED_FILE).read_text()) == said["fixed"]
    assert contract.calibration.images == 16
    command = shlex.split(said["fixed"]["command"])
    assert main(command[1:]) == 0
    assert read_model(run / f"{FIXED}-again")[1] == kmodel


def test_other_calibration_images_are_refused_and_nothing_is_written(run, capsys):
    np.save(run.parent / "other.npy", pictures(16, 2))
    assert fix(run, calibration="other.npy") == 2
    assert "are not the 16 that the model was calibrated with" in capsys.readouterr().err
    assert not (run / FIXED).exists()


def test_too_few_pictures_are_refused_and_nothing_is_written(run, capsys):
    np.save(run.parent / "test.npy", pictures(5, seed=5))
    assert fix(run) == 2
    assert "5 images" in capsys.readouterr().err
    assert not (run / FIXED).exists()
