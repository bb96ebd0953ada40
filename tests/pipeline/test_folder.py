import json
import multiprocessing

import numpy as np
import pytest

from harness.errors import RunFolderError
from harness.files import write_bytes, write_json
from harness.pipeline.folder import LOCK, MARKER, RunFolder, file_name


def contents(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_folder_is_made_and_found_again(tmp_path):
    for _ in range(2):
        with RunFolder.claim(tmp_path / "a" / "b") as folder:
            pass
    assert MARKER in contents(folder.path)


def test_a_strangers_folder_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with (
        pytest.raises(RunFolderError, match="is not a run: nothing was written"),
        RunFolder.claim(tmp_path),
    ):
        pass
    assert contents(tmp_path) == ["thesis.tex"]


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(RunFolderError, match="is a file"), RunFolder.claim(tmp_path / "run"):
        pass


def test_work_that_fails_before_it_writes_leaves_no_folder(tmp_path):
    with pytest.raises(ZeroDivisionError), RunFolder.claim(tmp_path / "a" / "b"):
        raise ZeroDivisionError
    assert contents(tmp_path) == []


def test_work_that_fails_later_keeps_what_it_wrote(tmp_path):
    def work():
        with RunFolder.claim(tmp_path / "run") as folder:
            (folder.path / "state").write_text("half way")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert set(contents(tmp_path / "run")) >= {MARKER, "state"}


def hold(path, started, done):
    with RunFolder.claim(path):
        started.set()
        done.wait(30)


def test_two_processes_do_not_write_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    started, done = context.Event(), context.Event()
    process = context.Process(target=hold, args=(tmp_path / "run", started, done))
    process.start()
    try:
        assert started.wait(30)
        with (
            pytest.raises(RunFolderError, match="another process"),
            RunFolder.claim(tmp_path / "run"),
        ):
            pass
        assert MARKER in contents(tmp_path / "run")
    finally:
        done.set()
        process.join(30)
    with RunFolder.claim(tmp_path / "run"):
        pass


def test_an_earlier_runs_results_are_forgotten_and_its_training_kept(tmp_path):
    with RunFolder.claim(tmp_path) as folder:
        folder.write_outputs("float", {"y": np.zeros((1, 2), np.float32)})
        folder.write_pictures({"a.png": (b"png", "a", "b")})
        for name in ("report.json", "model.kmodel", "checkpoint.safetensors"):
            (tmp_path / name).write_text("old")
        folder.forget_results()
    assert set(contents(tmp_path)) - {LOCK} == {MARKER, "checkpoint.safetensors"}


def test_what_fails_halfway_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"old": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"new": float("nan")})
    with pytest.raises(TypeError):
        write_bytes(path, "text")  # fails in the middle of writing
    assert json.loads(path.read_text()) == {"old": 1}
    assert contents(tmp_path) == ["x.json"]


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(tmp_path / "x", b"data")
    assert contents(tmp_path) == []


def test_outputs_and_items_can_be_read_back(tmp_path):
    folder = RunFolder(tmp_path)
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    folder.write_outputs("float", {"a/b": array})
    np.testing.assert_array_equal(np.load(tmp_path / "outputs" / "float" / "a_b.npy"), array)
    folder.write_items([{"id": "é"}, {"id": "b"}])
    lines = (tmp_path / "items.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["é", "b"]


def test_outputs_whose_files_would_be_one_are_refused(tmp_path):
    one = np.zeros((1, 2), np.float32)
    with pytest.raises(RunFolderError, match="too alike"):
        RunFolder(tmp_path).write_outputs("float", {"a/b": one, "a_b": one})


def test_file_names_stay_inside_their_folder():
    assert file_name("../../etc/passwd") == ".._.._etc_passwd"
    assert file_name("") == "_"
