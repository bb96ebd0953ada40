import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from harness.errors import ContractError, MethodError, UsageError
from harness.method import (
    Deployable,
    EvaluationSet,
    InputContract,
    MethodInfo,
    Tolerance,
    TrainJob,
)
from harness.pipeline.method_run import MethodRun, run_method
from harness.pipeline.run import RunRequest, execute
from harness.report.schema import read_report

CONTRACT = InputContract((3, 16, 16))
CLASSES = ("dark", "light")


def brightness_net(gain=1.0):
    """Scores a picture as dark or light."""
    net = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([-1.0, 1.0])[:, None, None, None].expand(2, 3, 1, 1) / 3)
        net[0].bias.copy_(torch.tensor([1.0, 0.0]))
        net[0].weight.mul_(gain)
    return nn.Sequential(net, nn.Flatten()).eval()


def pictures(count, seed=0):
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 256, (count, 1, 1, 1))
    noise = rng.integers(-20, 21, (count, 3, 16, 16))
    return np.clip(levels + noise, 0, 255).astype(np.uint8), (levels[:, 0, 0, 0] > 127)


def accuracy(outputs, evaluation):
    found = outputs["scores"].argmax(1)
    return {"accuracy": float(np.mean(found == evaluation.labels))}


def deployable(count=20, seed=0, tolerance=None):
    images, light = pictures(count, seed)
    ids = tuple(f"{index}.png" for index in range(count))
    return Deployable(
        name="brightness",
        module=brightness_net(),
        contract=CONTRACT,
        outputs=("scores",),
        calibration=pictures(16, 99)[0],
        evaluation=EvaluationSet(ids, images, light.astype(np.int64), CLASSES),
        tolerance=tolerance or {"scores": Tolerance(cosine=0.99)},
        metrics=accuracy,
    )


class Brightness:
    """A method whose training is quick: it writes its one number."""

    def info(self):
        return MethodInfo("brightness", "dark or light", "none", CONTRACT, 8, 2048)

    def train(self, job):
        job.out.mkdir(parents=True, exist_ok=True)
        path = job.out / "checkpoint.safetensors"
        path.write_bytes(b"weights")
        return path

    def deployable(self, checkpoint, data=None, fold=None):
        assert checkpoint.read_bytes() == b"weights"
        return deployable(10, seed=fold.index) if fold else deployable()

    def artefacts(self, deployable, kmodel, training, out):
        (out / "labels.txt").write_text(f"{len(kmodel.read_bytes())}\n")
        return {"labels": "labels.txt"}


@pytest.mark.sim
def test_a_run_folder_has_everything_and_agrees_with_itself(tmp_path):
    result = execute(deployable(), tmp_path / "run", RunRequest("brightness", data="rendered"))
    folder = result.folder
    for name in ("report.json", "report.html", "contract.json", "model.onnx", "model.kmodel"):
        assert (folder / name).stat().st_size
    report = read_report(folder)
    assert report == result.report
    assert report.verdict == "pass"
    scores = {
        name: np.load(folder / "outputs" / name / "scores.npy") for name in ("float", "nncase")
    }
    assert scores["float"].shape == scores["nncase"].shape == (20, 2)
    lines = [json.loads(line) for line in (folder / "items.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == [f"{index}.png" for index in range(20)]
    for name in scores:
        assert [line[name] for line in lines] == [CLASSES[i] for i in scores[name].argmax(1)]
        hits = sum(line[name] == line["label"] for line in lines)
        assert report.backends[name].metrics["accuracy"] == hits / 20
        assert np.trace(report.backends[name].confusion) == hits
        assert report.backends[name].latency_ms.n == 19
    different = [line["id"] for line in lines if line["float"] != line["nncase"]]
    assert [entry.id for entry in report.disagreements] == different


@pytest.mark.sim
def test_outside_tolerance_fails_and_says_what_would_pass(tmp_path):
    strict = {"scores": Tolerance(max_abs=0)}
    result = execute(deployable(tolerance=strict), tmp_path / "run", RunRequest("b"))
    (record,) = result.report.comparisons
    assert (result.report.verdict, record.within_tolerance) == ("fail", False)
    relaxed = {"scores": Tolerance(**record.tolerance_that_would_pass)}
    again = execute(deployable(tolerance=relaxed), tmp_path / "run", RunRequest("b"))
    assert again.report.verdict == "pass"


@pytest.mark.sim
def test_pictures_on_which_backends_disagree_are_kept(tmp_path, monkeypatch):
    import harness.backends.nncase as simulator

    run = simulator.NncaseBackend.run

    def flipped(self, subject, inputs, progress):
        result = run(self, subject, inputs, progress)
        result.outputs["scores"][3] = -result.outputs["scores"][3]
        return result

    monkeypatch.setattr(simulator.NncaseBackend, "run", flipped)
    result = execute(deployable(), tmp_path / "run", RunRequest("b"))
    entry = next(e for e in result.report.disagreements if e.id == "3.png")
    assert set(entry.predictions.values()) == set(CLASSES)
    index = json.loads((result.folder / "pictures" / "index.json").read_text())
    assert entry.picture in {f"pictures/{line['file']}" for line in index}
    assert (result.folder / entry.picture).read_bytes().startswith(b"\x89PNG")


def test_float_alone_needs_no_compiler(tmp_path):
    result = execute(deployable(), tmp_path / "run", RunRequest("b", backends=("float",)))
    assert result.report.comparisons == ()
    assert result.report.contract["input"]["shape"] == (3, 16, 16)
    assert not (tmp_path / "run" / "model.kmodel").exists()


@pytest.mark.parametrize("names", [(), ("float", "float"), ("float", "magic")])
def test_wrong_backends_are_refused_before_anything_is_written(tmp_path, names):
    with pytest.raises(UsageError):
        execute(deployable(), tmp_path / "run", RunRequest("b", backends=names))
    assert not (tmp_path / "run").exists()


@pytest.mark.sim
def test_a_method_is_trained_run_and_cross_validated(tmp_path):
    job = TrainJob(out=tmp_path / "run")
    result = run_method(MethodRun(Brightness(), job, RunRequest("brightness"), folds=3))
    folded = result.report.cross_validation
    assert (folded.folds, folded.items) == (3, 30)
    for name in ("float", "nncase"):
        low, high = folded.intervals[name]
        assert low <= folded.accuracy[name] <= high
        assert folded.accuracy[name] == pytest.approx(np.mean(folded.fold_accuracy[name]))
    assert folded.comparisons[0].top1_agreement >= 0.9
    assert result.report.artefacts == {"labels": "labels.txt"}
    assert (result.folder / "checkpoint.safetensors").read_bytes() == b"weights"


def test_cross_validation_needs_labels(tmp_path):
    class Unlabelled(Brightness):
        def deployable(self, checkpoint, data=None, fold=None):
            images, _ = pictures(4)
            return Deployable(
                "u",
                brightness_net(),
                CONTRACT,
                ("scores",),
                images,
                EvaluationSet(tuple("abcd"), images),
            )

    run = MethodRun(Unlabelled(), TrainJob(out=tmp_path / "r"), RunRequest("u"), folds=2)
    with pytest.raises(MethodError, match="no class labels"):
        run_method(run)


@pytest.mark.sim
def test_a_kmodel_that_is_not_the_contracts_is_noticed(tmp_path):
    from harness.compiler.contract import read_contract

    execute(deployable(), tmp_path / "run", RunRequest("b"))
    kmodel = bytearray((tmp_path / "run" / "model.kmodel").read_bytes())
    kmodel[-1] ^= 1
    with pytest.raises(ContractError, match="not the one"):
        read_contract(tmp_path / "run").check(bytes(kmodel))


class Undefined(nn.Module):
    """Divides by zero where a picture is black."""

    def forward(self, x):
        mean = x.mean((1, 2, 3), keepdim=True)
        return torch.cat([mean / mean, mean], 1).flatten(1)


def test_outputs_that_are_not_numbers_fail_and_can_be_read_back(tmp_path, monkeypatch):
    import harness.backends as backends

    class Other(backends.FloatBackend):
        name = "other"

    monkeypatch.setitem(backends._BACKENDS, "other", Other)
    black = np.zeros((2, 3, 16, 16), np.uint8)
    target = Deployable(
        "nan",
        Undefined(),
        CONTRACT,
        ("scores",),
        black,
        EvaluationSet(("a", "b"), black),
        {"scores": Tolerance(cosine=0.9)},
    )
    request = RunRequest("nan", backends=("float", "other"))
    result = execute(target, tmp_path / "run", request)
    assert result.report.verdict == "fail"
    read = read_report(result.folder)
    assert np.isnan(read.comparisons[0].cosine)
    json.dumps(read.document(), allow_nan=False)


def test_one_class_for_every_item_is_remarked(tmp_path):
    module = brightness_net(gain=0.0)
    ordinary, stuck = deployable(), replace(deployable(), module=module)
    said = [
        execute(one, tmp_path / name, RunRequest("b", backends=("float",))).report.data.warnings
        for name, one in (("ordinary", ordinary), ("stuck", stuck))
    ]
    assert not said[0]
    assert "every backend takes every item for class" in said[1][0]
