"""Fine-tuning wins back at least half of the accuracy that a poor calibration cost."""

import shutil

import pytest
from PIL import Image

from tests.conftest import REPOSITORY

WEIGHTS = REPOSITORY / "fixtures" / "weights" / "rendered_coins_0.25.safetensors"
# Of the 80 photographs of each coin, in the order in which they were taken.
LEARNT = 48


@pytest.fixture(scope="module")
def coins(shared, tmp_path_factory):
    """Photographs of euro coins: 48 of each to learn from, 32 to judge."""
    source, folder = shared / "data" / "euro_coins", tmp_path_factory.mktemp("coins")
    if not source.is_dir():
        pytest.skip("no photographs of euro coins")
    for kind in filter(lambda path: path.is_dir(), source.iterdir()):
        for number, photo in enumerate(sorted(kind.glob("*.jpg")), 1):
            side = folder / ("train" if number <= LEARNT else "valid") / kind.name
            side.mkdir(parents=True, exist_ok=True)
            shutil.copy(photo, side / f"{number}.jpg")
    return folder


@pytest.mark.sim
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_at_least_half_of_what_a_black_picture_cost(k210_command, tmp_path, coins):
    trained, black = tmp_path / "trained", tmp_path / "black"
    command = ["train", "coin_classifier", "--data", coins, "--init", WEIGHTS, "--epochs", 80]
    assert k210_command(*command, "--set", "lr=0.01", "--out", trained).code == 0
    black.mkdir()
    Image.new("RGB", (128, 128)).save(black / "black.png")
    command = ["finetune", "coin_classifier", "--data", coins, "--calibration", black]
    command += ["--checkpoint", trained / "checkpoint.safetensors", "--epochs", 3]
    ended = k210_command(*command, "--out", tmp_path / "run", "--json")
    assert ended.code in (0, 1), ended.err
    accuracy = ended.json()["finetune"]["accuracy"]
    lost = accuracy["float"] - accuracy["compiled"]
    assert lost >= 0.05, accuracy
    assert accuracy["finetuned"] - accuracy["compiled"] >= lost / 2, accuracy
    exact = [one for one in ended.json()["comparisons"] if one["reference"] == "nncase"]
    assert [one["first_difference"] for one in exact] == [None]
