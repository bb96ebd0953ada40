"""`k210 fit`: constants from runs on the user's own board."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from harness.convert import convert
from harness.kmodel import load, save
from harness.report.schema import BackendRecord, BoardRecord, LatencyRecord
from harness.timing import Law, predict
from harness.timing.boards import BOARDS
from harness.timing.prices import PRICES
from tests.conftest import REPOSITORY
from tests.report.reports import report

FIXTURES = REPOSITORY / "fixtures" / "kmodels"
MODELS = ("mbv1_025_128", "residual", "odd_37x23", "upsample_nearest", "acts", "maxpool_leaky")
# A board whose CPU copies more slowly and whose KPU has half the clock.
OTHER = Law(
    {
        name: replace(
            price,
            ns=price.ns * {"copied_byte": 1.5, "kpu_cycle": 2.0, "v4_move": 1.4}.get(name, 1.0),
        )
        for name, price in PRICES.items()
    }
)


def stock(name):
    return save(convert(load(FIXTURES / f"{name}.kmodel"), 4).program)


def run_folder(tmp_path, name, ms, machine="M5StickV (virtual board) with kendryte-k210", **board):
    folder = tmp_path / name
    folder.mkdir()
    kmodel = stock(name)
    (folder / "model.v4.kmodel").write_bytes(kmodel)
    described = {
        "kind": "virtual",
        "firmware": "MaixPy 0.6.3",
        "machine": machine,
        "port": "/dev/pts/7",
        "kmodel": f"v4, sha256 {hashlib.sha256(kmodel).hexdigest()}",
        "inputs": "RGB565 pictures",
    }
    latency = LatencyRecord(p50=ms, p95=ms, p99=ms, n=20)
    backends = {"float": BackendRecord(), "board": BackendRecord(latency_ms=latency)}
    filled = report(board=BoardRecord(**(described | board)), backends=backends)
    filled.write(folder)
    return folder


def times(law, noise=0.0):
    rng = np.random.default_rng(5)
    for name in MODELS:
        ms = predict(load(stock(name)), board=BOARDS["m5stickv"], law=law).ms
        yield name, ms * float(np.exp(noise * rng.standard_normal()))


def test_a_board_of_other_constants_is_fitted_back(k210_command, tmp_path):
    runs = [run_folder(tmp_path, name, ms) for name, ms in times(OTHER, noise=0.01)]
    out = tmp_path / "board.json"
    ended = k210_command("fit", *runs, "--out", out, "--json")
    assert ended.code == 0, ended.err
    found = ended.json()
    assert found["measurements"] == len(MODELS)
    assert found["prices_ns"]["copied_byte"] == pytest.approx(
        OTHER.prices["copied_byte"].ns, rel=0.2
    )
    for one in found["residuals"]:
        assert one["after"] == pytest.approx(one["measured"], rel=0.05)
    worst_before = max(abs(one["before"] / one["measured"] - 1) for one in found["residuals"])
    assert worst_before > 0.15

    told = k210_command(
        "predict", runs[0] / "model.v4.kmodel", "--board", "m5stickv", "--profile", out, "--json"
    ).json()
    wanted = next(ms for name, ms in times(OTHER) if name == MODELS[0])
    assert told["totals"]["ms"] == pytest.approx(wanted, rel=0.05)
    assert "6 runs on a virtual board, M5StickV" in told["constants"]
    low, high = told["totals"]["interval_ms"]
    assert low < wanted < high


def test_what_came_of_it_is_shown(k210_command, tmp_path):
    runs = [run_folder(tmp_path, name, ms) for name, ms in times(OTHER)]
    out = k210_command("fit", *runs, "--out", tmp_path / "board.json").out
    assert "6 measurements" in out
    assert "copied_byte" in out
    assert "mbv1_025_128" in out


def test_too_few_models_leave_nothing_behind(k210_command, tmp_path):
    runs = [run_folder(tmp_path, name, ms) for name, ms in list(times(OTHER))[:2]]
    out = tmp_path / "board.json"
    line = k210_command("fit", *runs, runs[0], "--out", out).error_line()
    assert "at least 3 different models, there are 2" in line
    assert not out.exists()


def test_runs_of_different_boards_are_not_mixed(k210_command, tmp_path):
    (first, ms), (second, other), (third, last), *_ = times(OTHER)
    runs = [
        run_folder(tmp_path, first, ms),
        run_folder(tmp_path, second, other, kind="real", serial_number="A1"),
        run_folder(tmp_path, third, last, machine="Sipeed_M1 with kendryte-k210"),
    ]
    line = k210_command("fit", *runs, "--out", tmp_path / "board.json").error_line()
    assert "different boards" in line
    assert "real m5stickv A1" in line
    assert "maix-bit" in line


def test_a_folder_that_is_no_run_of_a_board_is_refused(k210_command, tmp_path):
    out = tmp_path / "board.json"
    for absent in (tmp_path, tmp_path / "nowhere"):
        line = k210_command("fit", absent, "--out", out).error_line()
        assert "report.json cannot be read" in line
        assert line.endswith("→ name the folder of a finished k210 run")
    alone = tmp_path / "alone"
    alone.mkdir()
    report().write(alone)
    assert "no board ran here" in k210_command("fit", alone, "--out", out).error_line()
    (name, ms), *_ = times(OTHER)
    folder = run_folder(tmp_path, name, ms)
    (folder / "model.v4.kmodel").unlink()
    assert "is not in the folder" in k210_command("fit", folder, "--out", out).error_line()
    assert not out.exists()
