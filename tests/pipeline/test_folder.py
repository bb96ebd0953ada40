import json
import multiprocessing

import numpy as np
import pytest

from harness.errors import RunFolderError
from harness.files import write_bytes, write_json
from harness.pipeline.folder import MARKER, RunFolder, file_name


def contents(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_folder_is_made_and_found_again(tmp_path):
    RunFolder.open(tmp_path / "a" / "b")
    assert contents(RunFolder.open(tmp_path / "a" / "b").path) == [MARKER]


def test_a_strangers_folder_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunFolderError, match="is not a run: nothing was written"):
        RunFolder.open(tmp_path)
    assert contents(tmp_path) == ["thesis.tex"]


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(RunFolderError, match="is a file"):
        RunFolder.open(tmp_path / "run")


def hold(path, started, done):
    with RunFolder.open(path).lock():
        started.set()
        done.wait(30)


def test_two_processes_do_not_write_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    started, done = context.Event(), context.Event()
    process = context.Process(target=hold, args=(tmp_path, started, done))
    process.start()
    try:
        assert started.wait(30)
        with pytest.raises(RunFolderError, match="another process"), RunFolder(tmp_path).lock():
            pass
    finally:
        done.set()
        process.join(30)
    with RunFolder(tmp_path).lock():
        pass


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
    folder = RunFolder.open(tmp_path)
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    folder.write_outputs("float", {"a/b": array})
    np.testing.assert_array_equal(np.load(tmp_path / "outputs" / "float" / "a_b.npy"), array)
    folder.write_items([{"id": "é"}, {"id": "b"}])
    lines = (tmp_path / "items.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["é", "b"]


def test_file_names_stay_inside_their_folder():
    assert file_name("../../etc/passwd") == ".._.._etc_passwd"
    assert file_name("") == "_"
