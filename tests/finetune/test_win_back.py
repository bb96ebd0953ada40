"""Fine-tuning wins back at least half of the accuracy that a poor quantisation cost."""

import shutil
import subprocess
import sys

import pytest
import torch
from PIL import Image

from harness.cli.app import run
from reference.coin_classifier.checkpoint import read_checkpoint
from reference.coin_classifier.data import load_pictures
from tests.conftest import REPOSITORY
from tests.finetune.outliers import with_outliers

WEIGHTS = REPOSITORY / "fixtures" / "weights" / "rendered_coins_0.25.safetensors"
# Of the 80 pictures of each coin, in the order in which they were taken.
LEARNT = 48

pytestmark = [pytest.mark.sim, pytest.mark.slow, pytest.mark.timeout(3600)]


def split(source, folder):
    """Put 48 pictures of each coin to learn from, the others to be judged by."""
    for kind in filter(lambda path: path.is_dir(), source.iterdir()):
        photos = sorted(kind.glob("*.jpg"), key=lambda path: (len(path.name), path.name))
        for number, photo in enumerate(photos, 1):
            side = folder / ("train" if number <= LEARNT else "valid") / kind.name
            side.mkdir(parents=True, exist_ok=True)
            shutil.copy(photo, side / photo.name)
    return folder


@pytest.fixture(scope="module")
def coins(shared, tmp_path_factory):
    """Photographs of five euro coins."""
    source = shared / "data" / "euro_coins"
    if not source.is_dir():
        pytest.skip("no photographs of euro coins")
    return split(source, tmp_path_factory.mktemp("coins"))


@pytest.fixture(scope="module")
def trained(coins, tmp_path_factory):
    """Weights that know the euro coins."""
    out = tmp_path_factory.mktemp("trained") / "run"
    command = ["train", "coin_classifier", "--data", coins, "--init", WEIGHTS, "--epochs", 80]
    assert run([str(word) for word in [*command, "--set", "lr=0.01", "--out", out]]) == 0
    return out / "checkpoint.safetensors"


def test_what_a_black_picture_cost(k210_command, tmp_path, coins, trained):
    Image.new("RGB", (128, 128)).save(tmp_path / "black.png")
    command = ["--data", coins, "--checkpoint", trained, "--calibration", tmp_path, "--epochs", 3]
    assert_half(k210_command, tmp_path / "run", command)


def test_what_outlier_channels_cost(k210_command, tmp_path, coins, trained):
    outliers = spoilt(trained, coins, 32.0, tmp_path)
    command = ["--data", coins, "--checkpoint", outliers, "--epochs", 1]
    assert_half(k210_command, tmp_path / "run", command)


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_what_outlier_channels_cost_on_rendered_coins(k210_command, tmp_path, seed):
    script = REPOSITORY / "fixtures" / "render_coins.py"
    command = [sys.executable, script, tmp_path / "all", "--count", "80", "--seed", str(seed)]
    subprocess.run(command, check=True, timeout=600)
    coins = split(tmp_path / "all", tmp_path / "coins")
    outliers = spoilt(WEIGHTS, coins, 64.0, tmp_path)
    command = ["--data", coins, "--checkpoint", outliers, "--epochs", 1, "--seed", seed]
    assert_half(k210_command, tmp_path / "run", command)


def spoilt(weights, coins, factor, folder):
    checkpoint = read_checkpoint(weights)
    images = torch.from_numpy(load_pictures(coins, checkpoint.size).train.images)
    with_outliers(checkpoint, images, factor).save(folder / "outliers.safetensors")
    return folder / "outliers.safetensors"


def assert_half(k210_command, out, command):
    ended = k210_command("finetune", "coin_classifier", *command, "--out", out, "--json")
    assert ended.code in (0, 1), ended.err
    accuracy = ended.json()["finetune"]["accuracy"]
    lost = accuracy["float"] - accuracy["compiled"]
    assert lost >= 0.05, accuracy
    assert accuracy["finetuned"] - accuracy["compiled"] >= lost / 2, accuracy
    exact = [one for one in ended.json()["comparisons"] if one["reference"] == "nncase"]
    assert [one["first_difference"] for one in exact] == [None]
