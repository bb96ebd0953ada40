"""A zip is either read in full or refused with one clear line."""

import errno
import io
import os
import stat
import tracemalloc
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.data import zip_archive
from harness.data.archive import listed, open_archive
from harness.errors import DataError
from tests.data.photo_sets import camera_files, refused, write_folder, write_zip

FILES = {"train/1/1.jpg": b"first" * 50, "valid/1/31.jpg": b"second" * 60}


def read_all(path):
    return {name: read() for name, read in open_archive(path).files.items()}


def with_entry(path, name, data=b"x", mode=None, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.compress_type = method
        if mode is not None:
            entry.external_attr = mode << 16
        archive.writestr(entry, data)
    return path


def test_a_zip_and_a_folder_read_the_same(tmp_path):
    zipped = write_zip(tmp_path / "photos.zip", FILES)
    folder = write_folder(tmp_path / "photos", FILES)
    assert read_all(zipped) == read_all(folder) == FILES


def test_litter_is_ignored(tmp_path):
    litter = ["__MACOSX/train/1/._1.jpg", "train/.DS_Store", "train/1/Thumbs.db", ".Trashes/1.jpg"]
    files = {**FILES, **dict.fromkeys(litter, b"litter")}
    assert read_all(write_zip(tmp_path / "photos.zip", files)) == FILES
    assert read_all(write_folder(tmp_path / "photos", files)) == FILES


def test_the_limit_is_200_megabytes():
    assert zip_archive.ZIP_LIMIT == 209_715_200


def test_a_zip_of_just_the_limit_is_taken_and_one_byte_more_is_not(tmp_path, monkeypatch):
    path = write_zip(tmp_path / "photos.zip", FILES)
    monkeypatch.setattr(zip_archive, "ZIP_LIMIT", path.stat().st_size)
    assert read_all(path) == FILES
    monkeypatch.setattr(zip_archive, "ZIP_LIMIT", path.stat().st_size - 1)
    with pytest.raises(DataError, match=r"more than the .* \(200 MB\) allowed"):
        open_archive(path)


def test_the_real_limit_holds_to_the_byte(tmp_path):
    path = write_zip(tmp_path / "photos.zip", FILES)
    data = path.read_bytes()
    # A zip may begin with anything; here with a hole that takes no room on the disk.
    for size, taken in ((zip_archive.ZIP_LIMIT, True), (zip_archive.ZIP_LIMIT + 1, False)):
        with path.open("wb") as stream:
            stream.seek(size - len(data))
            stream.write(data)
        if taken:
            assert read_all(path) == FILES
        else:
            with pytest.raises(DataError, match="209,715,201 bytes"):
                open_archive(path)


@pytest.mark.parametrize(
    "name",
    [
        "../train/1/1.jpg",
        "train/../../1.jpg",
        "/etc/1.jpg",
        "C:/train/1.jpg",
        "C:train/1.jpg",
        "train\\1\\1.jpg",
        "train/1/a\nb.jpg",
    ],
)
def test_paths_that_leave_the_archive_are_refused(tmp_path, name):
    path = with_entry(tmp_path / "photos.zip", name)
    with pytest.raises(DataError, match="points out of the archive") as caught:
        open_archive(path)
    assert repr(name) in caught.value.cause


def test_links_are_refused(tmp_path):
    path = with_entry(tmp_path / "photos.zip", "train/1/1.jpg", b"/etc/passwd", stat.S_IFLNK)
    with pytest.raises(DataError, match="is a link"):
        open_archive(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compression_is_refused(tmp_path, method):
    path = with_entry(tmp_path / "photos.zip", "train/1/1.jpg", method=method)
    with pytest.raises(DataError, match=f"packs 'train/1/1.jpg' with method {method}"):
        open_archive(path)


def test_encrypted_entries_are_refused(tmp_path):
    path = write_zip(tmp_path / "photos.zip", {"a/1.jpg": b"x"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"is encrypted \('a/1.jpg'\)"):
        open_archive(path)


@pytest.mark.parametrize("second", ["a/1.jpg", "a/./1.jpg", "a//1.jpg"])
def test_doubled_names_are_refused(tmp_path, second):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/1.jpg", b"x")
        with_same_name = zipfile.ZipInfo(second)
        if second == "a/1.jpg":
            with pytest.warns(UserWarning, match="Duplicate name"):
                archive.writestr(with_same_name, b"y")
        else:
            archive.writestr(with_same_name, b"y")
    with pytest.raises(DataError, match=r"holds 'a/1.jpg' twice"):
        open_archive(path)


def test_a_bomb_is_refused_by_what_it_declares(tmp_path):
    size = zip_archive.RATIO_COUNTS_FROM + 1
    path = write_zip(tmp_path / "photos.zip", {"a/1.bmp": bytes(size)})
    with pytest.raises(DataError, match=f"would unpack to {size:,} bytes"):
        open_archive(path)


def test_a_drawing_that_shrinks_much_is_no_bomb_while_it_is_small(tmp_path):
    files = {"a/1.bmp": bytes(4_000_000)}
    path = write_zip(tmp_path / "photos.zip", files)
    assert zip_archive.RATIO_LIMIT * path.stat().st_size < 4_000_000
    assert read_all(path) == files


def test_what_unpacks_to_much_is_taken_where_it_weighs_as_much(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_archive, "RATIO_COUNTS_FROM", 1000)
    files = {"a/1.bmp": os.urandom(5000)}
    assert read_all(write_zip(tmp_path / "photos.zip", files)) == files


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "0"),
        (5, "0, 1, 2, 3, 4"),
        (6, "0, 1, 2, 3, 4 and 1 more"),
        (12, "0, 1, 2, 3, 4 and 7 more"),
    ],
)
def test_long_lists_of_names_are_cut(count, text):
    assert listed(map(str, range(count))) == text


def test_a_bomb_that_declares_too_little_never_unpacks_beyond_that(tmp_path):
    path = write_zip(tmp_path / "photos.zip", {"a/1.bmp": bytes(10_000_000)})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = data.index(signature) + offset
        data[place : place + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(data)
    (read,) = open_archive(path).files.values()
    tracemalloc.start()
    error = refused(read)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "damaged or cut short: Bad CRC-32" in error.cause
    assert peak < 1_000_000


def test_names_without_the_utf8_flag_are_read_as_their_makers_meant_them(tmp_path):
    for number, encoding in enumerate(("utf-8", "cp932")):
        stand_in = "x" * len("1円".encode(encoding))
        path = write_zip(tmp_path / f"{number}.zip", {f"{stand_in}/1.jpg": b"x"})
        path.write_bytes(path.read_bytes().replace(stand_in.encode(), "1円".encode(encoding)))
        assert read_all(path) == {"1円/1.jpg": b"x"}


def test_a_truncated_zip_is_refused_wherever_it_was_cut(tmp_path):
    whole = write_zip(tmp_path / "whole.zip", camera_files((3, 3))).read_bytes()
    cut = tmp_path / "cut.zip"
    for length in range(0, len(whole), max(1, len(whole) // 150)):
        cut.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"cut.zip is damaged or cut short"):
            read_all(cut)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.booleans())
def test_random_bytes_as_a_zip_are_refused(tmp_path, data, with_signature):
    path = tmp_path / "random.zip"
    path.write_bytes(b"PK\x03\x04" * with_signature + data)
    with pytest.raises(DataError) as caught:
        read_all(path)
    assert "\n" not in str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_zip_with_damaged_bytes_is_read_or_refused(tmp_path, damage):
    stream = io.BytesIO()
    write_zip(stream, FILES)
    data = bytearray(stream.getvalue())
    for place, value in damage:
        data[place % len(data)] = value
    path = tmp_path / "damaged.zip"
    path.write_bytes(data)
    error = refused(lambda: read_all(path))
    assert error is None or "\n" not in str(error)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.zip", None, "does not exist"),
        ("notes.txt", b"hello", "neither a folder nor a zip"),
        ("photos.zip", b"", "damaged or cut short"),
        ("photos.zip", b"Rar!\x1a\x07", "damaged or cut short"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        open_archive(tmp_path / name)


def test_a_folder_that_cannot_be_listed_is_refused_by_name(tmp_path, monkeypatch):
    top = write_folder(tmp_path / "photos", FILES)
    scandir = os.scandir

    def without_rights(folder):
        # Rights on disk do not stop root, who may run these tests.
        if str(folder).endswith("valid"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", without_rights)
    with pytest.raises(DataError, match="valid cannot be listed: Permission denied"):
        open_archive(top)


def test_a_file_that_went_away_is_named(tmp_path):
    top = write_folder(tmp_path / "photos", FILES)
    files = open_archive(top).files
    (top / "train/1/1.jpg").unlink()
    with pytest.raises(DataError, match=r"train/1/1\.jpg cannot be read: No such file"):
        files["train/1/1.jpg"]()
