"""What a user may hand in, what comes of it, and every fault with its message."""

import os
import random

import pytest

from harness.data.dataset import open_dataset
from harness.errors import DataError
from tests.data.photo_sets import camera_files, class_files, picture, write_folder, write_zip

COUNTS = (35, 44, 38)
FORMS = {
    "folder": lambda tmp_path, files: write_folder(tmp_path / "photos", files),
    "zip": lambda tmp_path, files: write_zip(tmp_path / "photos.zip", files),
}


@pytest.fixture(params=FORMS)
def make(request, tmp_path):
    """Return a function that writes files as a folder, or as a zip, and returns its path."""
    return lambda files: FORMS[request.param](tmp_path, files)


def refusal(path):
    with pytest.raises(DataError) as caught:
        open_dataset(path)
    error = caught.value
    assert "\n" not in str(error)
    assert error.remedy
    return error


@pytest.mark.parametrize("valid", ["valid", "vaild", "Valid"])
def test_what_the_camera_writes_is_taken_with_its_own_split(make, valid):
    dataset = open_dataset(make(camera_files(COUNTS, valid)))
    split = dataset.split()
    assert (len(split.train), len(split.valid)) == (102, 15)
    assert len(dataset.items) == sum(COUNTS)
    assert dataset.classes == split.classes == ("1", "2", "3")
    assert dataset.warnings == ()
    assert {item.id.split("/")[0] for item in split.valid} == {valid}
    assert [split.index(item) for item in split.valid] == [0] * 5 + [1] * 5 + [2] * 5


def test_pictures_as_large_as_the_camera_takes_them_are_read(make):
    files = camera_files((35, 35, 35)) | {"train/1/1.jpg": picture(7, (320, 240))}
    assert open_dataset(make(files)).items[0].read() == picture(7, (320, 240))


def test_a_split_that_the_user_changed_is_kept(make):
    files = camera_files((40, 40, 40))
    for label in "123":
        files[f"vaild/{label}/1.jpg"] = files.pop(f"train/{label}/1.jpg")
    split = open_dataset(make(files)).split()
    assert [item.shot for item in split.valid if item.label == "1"] == [1, 31, 32, 33, 34, 35]


def test_plain_class_folders_are_split_by_the_camera_rule(make):
    dataset = open_dataset(make(class_files({"10c": 35, "1e": 44, "5c": 38})))
    split = dataset.split()
    assert dataset.classes == ("1e", "5c", "10c")
    assert (len(split.train), len(split.valid)) == (102, 15)
    assert {item.shot for item in split.valid} == set(range(31, 36))


def test_the_split_does_not_depend_on_the_order_of_the_listing(tmp_path, monkeypatch):
    path = write_folder(tmp_path / "photos", class_files({"a": 40, "b": 36, "c": 35}))
    expected = open_dataset(path)
    walk = os.walk

    def shuffled_walk(*arguments, **options):
        for folder, folders, names in walk(*arguments, **options):
            random.shuffle(folders)
            random.shuffle(names)
            yield folder, folders, names

    monkeypatch.setattr(os, "walk", shuffled_walk)
    for _ in range(3):
        dataset = open_dataset(path)
        assert dataset.split() == expected.split()
        assert dataset.folds(5) == expected.folds(5)


def test_folds_hold_out_every_picture_once(make):
    dataset = open_dataset(make(camera_files((35, 36, 37))))
    held_out = [item for split in dataset.folds(5) for item in split.valid]
    assert sorted(item.id for item in held_out) == sorted(item.id for item in dataset.items)


@pytest.mark.parametrize("suffix", ["png", "bmp", "jpeg", "JPG"])
def test_plain_folders_may_hold_other_kinds_of_picture(make, suffix):
    kind = {"png": "PNG", "bmp": "BMP"}.get(suffix, "JPEG")
    files = class_files({"a": 35, "b": 35, "c": 35})
    del files["a/001.jpg"]
    files[f"a/1.{suffix}"] = picture(1, kind=kind)
    assert len(open_dataset(make(files)).items) == 105


def test_a_lower_minimum_admits_small_sets(make):
    dataset = open_dataset(make(class_files({"a": 6, "b": 7, "c": 8})), minimum_shots=6)
    assert len(dataset.folds(3)) == 3
    with pytest.raises(DataError, match="on the validation side"):
        dataset.split()


def test_a_lower_minimum_keeps_the_proportion_of_the_sides(make):
    files = {f"train/{c}/{s}.jpg": picture(s) for c in "123" for s in range(1, 7)}
    files |= {f"valid/{c}/9.jpg": picture(9) for c in "123"}
    path = make(files)
    assert len(open_dataset(path, minimum_shots=7).items) == 21
    with pytest.raises(DataError, match="Only 3 pictures found, but you need 6 in total"):
        open_dataset(path, minimum_shots=8)


# Faults, with the service's words where it has some.


@pytest.mark.parametrize("inner", ["", "SD card/"])
def test_an_enclosing_folder_is_named(make, inner):
    files = {f"upload/{inner}{name}": data for name, data in camera_files(COUNTS).items()}
    path = make(files)
    error = refusal(path)
    enclosing = f"upload/{inner}".rstrip("/")
    assert error.cause.startswith("Train or Valid folder not found")
    assert enclosing in error.remedy
    assert open_dataset(write_folder(path.parent / "again", files) / enclosing).items


def test_an_enclosing_folder_around_class_folders_is_named(make):
    files = class_files({"a": 35, "b": 35, "c": 35})
    error = refusal(make({f"coins/{name}": data for name, data in files.items()}))
    assert error.cause.startswith("Train or Valid folder not found")
    assert "coins" in error.remedy


@pytest.mark.parametrize("missing", ["train", "vaild"])
def test_a_missing_side_is_named(make, missing):
    files = {
        name: data for name, data in camera_files(COUNTS).items() if not name.startswith(missing)
    }
    error = refusal(make(files))
    assert error.cause.startswith("Train or Valid folder not found")
    assert f"{missing} folder" in error.cause


def test_both_spellings_at_once_are_refused(make):
    files = camera_files(COUNTS) | {"valid/1/36.jpg": picture(1)}
    assert "both vaild and valid" in refusal(make(files)).cause


def test_a_class_with_34_shots_is_refused_in_the_words_of_the_service(make):
    cause = refusal(make(camera_files((35, 34, 35)))).cause
    assert cause == (
        "Lake of Enough Valid Dataset, Only 14 pictures found, but you need 15 in total; "
        "class '2' has 34 shots, but 35 are needed"
    )


def test_a_lack_of_training_pictures_is_refused_in_the_words_of_the_service(make):
    files = camera_files((35, 35, 35))
    for shot in (1, 2, 3):
        files[f"vaild/3/{shot}.jpg"] = files.pop(f"train/3/{shot}.jpg")
    cause = refusal(make(files)).cause
    assert cause == "Lake of Enough Train Dataset, Only 87 pictures found, but you need 90 in total"


def test_one_class_cannot_lend_its_shots_to_another(make):
    cause = refusal(make(camera_files((60, 34, 40)) | {"vaild/1/99.jpg": picture(99)})).cause
    assert cause == "class '2' has 34 shots, but 35 are needed"


def test_a_plain_class_with_34_shots_is_refused(make):
    cause = refusal(make(class_files({"a": 35, "b": 34, "c": 33}))).cause
    assert cause == (
        "class 'b' has 34 shots, but 35 are needed; class 'c' has 33 shots, but 35 are needed"
    )


def test_a_side_without_pictures_of_a_class_is_refused(make):
    files = camera_files((40, 70, 70))
    for shot in range(31, 36):
        files[f"train/1/{shot}.jpg"] = files.pop(f"vaild/1/{shot}.jpg")
        files[f"vaild/2/{shot + 5}.jpg"] = files.pop(f"train/2/{shot + 5}.jpg")
    files["vaild/1/notes.txt"] = b""
    cause = refusal(make(files)).cause
    assert "no picture in valid/1" in cause
    assert "vaild/1/notes.txt" in cause


def test_a_class_on_one_side_only_is_refused(make):
    files = camera_files((35, 35, 35)) | {"train/4/1.jpg": picture(1)}
    cause = refusal(make(files)).cause
    assert cause.startswith("Number of Classes presented in Train and Vaild dataset is not equal. ")
    assert "4 only in train" in cause


def test_class_folders_named_differently_are_refused(make):
    files = {
        name.replace("vaild/3/", "vaild/three/"): data
        for name, data in camera_files((35, 35, 35)).items()
    }
    assert refusal(make(files)).cause == (
        "Class folders differ: 3 only in train; three only in valid"
    )


@pytest.mark.parametrize("files", [camera_files((35,)), class_files({"a": 35})])
def test_one_class_is_refused(make, files):
    error = refusal(make(files))
    assert error.cause.startswith("Number of Classes should larger or equal to two.")


@pytest.mark.parametrize(
    "files", [camera_files((35, 35)), class_files({"1": 35, "2": 35})], ids=["camera", "plain"]
)
def test_two_classes_are_taken_with_a_warning(make, files):
    (warning,) = open_dataset(make(files)).warnings
    assert "only 2 classes" in warning


@pytest.mark.parametrize("count", [3, 4, 10])
def test_three_to_ten_classes_are_taken_without_a_remark(make, count):
    dataset = open_dataset(make(camera_files((35,) * count)))
    assert len(dataset.classes) == count
    assert dataset.warnings == ()


@pytest.mark.parametrize(
    "files",
    [camera_files((35,) * 11), class_files({f"c{place}": 35 for place in range(11)})],
    ids=["camera", "plain"],
)
def test_eleven_classes_are_refused(make, files):
    assert "11 classes found, but there can be at most 10" in refusal(make(files)).cause


def test_a_gap_in_the_class_numbers_is_remarked(make):
    files = {name.replace("/2/", "/4/"): data for name, data in camera_files((35, 35, 35)).items()}
    (warning,) = open_dataset(make(files)).warnings
    assert "class folders are 1, 3, 4" in warning
    assert "2 is not there" in warning


def test_files_that_the_service_does_not_take_are_left_out_and_named(make):
    files = camera_files((35, 35, 35)) | {
        "train/1/36.png": picture(1, kind="PNG"),
        "vaild/2/36.jpeg": picture(2),
        "train/loose.jpg": picture(3),
        "startup.jpg": picture(4),
    }
    dataset = open_dataset(make(files))
    (warning,) = dataset.warnings
    assert "train/1/36.png, train/loose.jpg, vaild/2/36.jpeg" in warning
    assert len(dataset.items) == 105


def test_files_in_no_class_folder_are_left_out_and_named(make):
    files = class_files({"a": 35, "b": 35, "c": 35})
    files |= {"loose.jpg": picture(1), "a/notes.txt": b"notes", "README.md": b"notes"}
    dataset = open_dataset(make(files))
    (warning,) = dataset.warnings
    assert warning.endswith(": a/notes.txt, loose.jpg")
    assert len(dataset.items) == 105


def test_counted_shots_are_remarked(make):
    files = class_files({"a": 35, "b": 35, "c": 36})
    del files["c/033.jpg"]
    dataset = open_dataset(make(files))
    (warning,) = dataset.warnings
    assert "class c carry no usable shot numbers" in warning
    assert len(dataset.split().valid) == 15


@pytest.mark.parametrize("spoil", [lambda data: data[:-200], lambda data: b"GIF89a" + data])
def test_a_picture_that_does_not_decode_is_named(make, spoil):
    files = camera_files((35, 35, 35))
    files["train/2/7.jpg"] = spoil(files["train/2/7.jpg"])
    error = refusal(make(files))
    assert error.cause.startswith("cannot identify image file 'train/2/7.jpg'")


def test_several_pictures_that_do_not_decode_are_all_named(make):
    files = camera_files((35, 35, 35)) | {"train/1/2.jpg": b"", "vaild/3/31.jpg": b"x"}
    assert "(2 pictures in all: train/1/2.jpg, vaild/3/31.jpg)" in refusal(make(files)).cause


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "is empty"),
        ({"readme.txt": b""}, "holds no pictures"),
        ({"1.jpg": picture(1)}, "none in a class folder"),
    ],
)
def test_sets_without_classes_are_refused(make, tmp_path, files, message):
    (tmp_path / "photos").mkdir()
    assert message in refusal(make(files)).cause
