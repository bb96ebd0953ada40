"""Pictures become the bytes of the contract: geometry, colour, and what is refused."""

import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from harness.data.decode import decode
from harness.data.images import centered_box, load_image, load_images, read_inputs
from harness.data.items import Item
from harness.errors import DataError
from harness.method import InputContract
from tests.data.photo_sets import class_files, picture, refused, write_folder, write_zip

SIDES = st.integers(1, 40)
RULES = st.sampled_from(["center_crop", "stretch", "letterbox"])


def encode(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def noise(width, height, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@given(SIDES, SIDES, RULES)
def test_a_picture_of_the_right_size_keeps_its_bytes(width, height, rule):
    image = noise(width, height)
    contract = InputContract((3, height, width), resize=rule)
    expected = np.asarray(image).transpose(2, 0, 1)
    assert np.array_equal(load_image(encode(image), contract), expected)


@given(SIDES, SIDES, SIDES, SIDES, RULES)
def test_bgr_is_rgb_reversed_and_gray_is_itu_601(width, height, to_width, to_height, rule):
    data = encode(noise(width, height))
    rgb = load_image(data, InputContract((3, to_height, to_width), resize=rule))
    bgr = load_image(data, InputContract((3, to_height, to_width), "BGR", resize=rule))
    gray = load_image(data, InputContract((1, to_height, to_width), "GRAY", resize=rule))
    assert rgb.shape == (3, to_height, to_width)
    assert rgb.dtype == bgr.dtype == gray.dtype == np.uint8
    assert np.array_equal(bgr, rgb[::-1])
    luma = np.tensordot([0.299, 0.587, 0.114], rgb.astype(float), axes=1)
    assert np.abs(gray[0] - luma).max() <= 0.51


@given(SIDES, SIDES, SIDES, SIDES)
def test_the_centred_box_is_the_largest_of_its_proportions(width, height, to_width, to_height):
    left, top, right, bottom = centered_box((width, height), (to_width, to_height))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert abs(left - (width - right)) <= 1
    assert abs(top - (height - bottom)) <= 1
    assert right - left == width or bottom - top == height
    # Proportions hold to the nearest whole pixel of the side that was cut.
    exact = (height * to_width / to_height, width * to_height / to_width)
    fits = abs((right - left) - exact[0]) <= 0.5 or abs((bottom - top) - exact[1]) <= 0.5
    assert fits or (right - left == 1 or bottom - top == 1)


def test_center_crop_of_a_camera_picture_takes_the_middle_240_columns():
    image = noise(320, 240)
    contract = InputContract((3, 240, 240))
    expected = np.asarray(image)[:, 40:280].transpose(2, 0, 1)
    assert np.array_equal(load_image(encode(image), contract), expected)


@given(SIDES, SIDES, st.integers(8, 40))
def test_letterbox_keeps_all_of_the_picture_on_black(width, height, side):
    white = Image.new("RGB", (width, height), "white")
    contract = InputContract((3, side, side), resize="letterbox")
    pixels = load_image(encode(white), contract)
    assert set(np.unique(pixels)) <= {0, 255}
    rows, columns = (np.flatnonzero(pixels[0].any(axis=axis)) for axis in (1, 0))
    scale = side / max(width, height)
    for occupied, length in ((rows, height), (columns, width)):
        assert len(occupied) == max(1, round(length * scale))
        assert abs(occupied[0] - (side - 1 - occupied[-1])) <= 1


@given(RULES)
def test_large_photographs_shrink_to_their_mean_colour(rule):
    image = Image.new("RGB", (1200, 1200), (200, 100, 50))
    pixels = load_image(encode(image, "BMP"), InputContract((3, 9, 9), resize=rule))
    assert np.array_equal(pixels, np.full((3, 9, 9), [[[200]], [[100]], [[50]]]))


def test_exif_orientation_is_applied():
    image = noise(6, 4)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = decode(encode(image, exif=exif), "turned")
    assert np.array_equal(np.asarray(turned), np.rot90(np.asarray(image), -1))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_pixel_becomes_rgb(mode):
    gray = np.tile(np.arange(0, 256, 5, dtype=np.uint8), (8, 1))
    if mode == "I;16":
        image = Image.fromarray(gray.astype(np.uint16) * 257)
    else:
        image = Image.fromarray(gray).convert("RGB").convert("LA" if mode == "LA" else mode)
    data = encode(image, "JPEG", quality=100) if mode == "CMYK" else encode(image)
    decoded = decode(data, "picture")
    assert decoded.mode == "RGB"
    if mode not in ("1", "P"):
        difference = np.asarray(decoded)[..., 0].astype(int) - gray
        assert np.abs(difference).max() <= (3 if mode == "CMYK" else 0)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_lies_on_black(mode):
    image = Image.new("RGBA", (4, 4), (255, 255, 255, 255))
    image.paste((255, 255, 255, 0), (0, 0, 2, 4))
    if mode == "P":
        image = Image.fromarray((np.arange(16).reshape(4, 4) % 4 > 1).astype(np.uint8)).convert("P")
        image.putpalette([255, 255, 255] * 2)
        data = encode(image, transparency=0)
    else:
        data = encode(image.convert(mode))
    pixels = np.asarray(decode(data, "picture"))
    assert (pixels[:, :2] == 0).all()
    assert (pixels[:, 2:] == 255).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP"])
def test_a_picture_cut_short_is_refused_or_whole(kind):
    whole = encode(noise(64, 48), kind)
    pixels = np.asarray(decode(whole, "whole"))
    for length in range(0, len(whole), 61):
        error = refused(lambda cut=whole[:length]: decode(cut, "coin.jpg"))
        if error:
            assert "cannot identify image file 'coin.jpg'" in error.cause
        else:
            assert np.array_equal(np.asarray(decode(whole[:length], "coin.jpg")), pixels)
    with pytest.raises(DataError, match=r"coin\.jpg"):
        decode(whole[: len(whole) // 2], "coin.jpg")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["JPEG", "PNG", "BMP"]), st.randoms())
def test_damaged_pictures_decode_or_are_refused(kind, generator):
    data = bytearray(encode(noise(16, 12), kind))
    for _ in range(5):
        data[generator.randrange(len(data))] = generator.randrange(256)
    error = refused(lambda: decode(bytes(data), "coin"))
    assert error is None or "\n" not in str(error)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("side", [9_500, 14_000, 60_000])
def test_a_decompression_bomb_is_refused_before_it_unpacks(side):
    header = bytearray(encode(Image.new("1", (8, 8)), "BMP"))
    header[18:26] = side.to_bytes(4, "little") * 2
    with pytest.raises(DataError, match=r"'bomb.bmp': .*decompression bomb"):
        decode(bytes(header), "bomb.bmp")


def test_other_formats_are_refused():
    with pytest.raises(DataError, match="cannot identify image file 'moving'"):
        decode(encode(noise(4, 4), "GIF"), "moving")


def test_a_text_with_the_name_of_a_picture_is_called_by_that_name():
    with pytest.raises(DataError) as caught:
        decode(b"these are words", "eyes/1.jpg")
    assert str(caught.value).startswith(
        "cannot identify image file 'eyes/1.jpg': no JPEG, PNG or BMP file →"
    )


def test_load_images_stacks_in_order_and_names_the_broken_one():
    contract = InputContract((3, 8, 8))
    items = [Item(f"{n}.jpg", "a", n, lambda n=n: picture(n)) for n in (3, 1, 2)]
    images = load_images(items, contract)
    assert images.shape == (3, 3, 8, 8)
    for image, item in zip(images, items, strict=True):
        assert np.array_equal(image, load_image(item.read(), contract))
    assert load_images([], contract).shape == (0, 3, 8, 8)
    with pytest.raises(DataError, match=r"'broken\.jpg'"):
        load_images([*items, Item("broken.jpg", "a", 4, lambda: b"x")], contract)


def test_inputs_are_read_from_a_folder_a_zip_and_a_picture(tmp_path):
    contract = InputContract((3, 8, 8))
    files = {**class_files({"a": 2, "b": 10}), "b/notes.txt": b"", "top.png": picture(1)}
    names = sorted(name for name in files if not name.endswith(".txt"))
    folder = write_folder(tmp_path / "inputs", files)
    for source in (folder, write_zip(tmp_path / "inputs.zip", files)):
        ids, images = read_inputs(source, contract)
        assert list(ids) == names
        assert images.shape == (13, 3, 8, 8)
    ids, images = read_inputs(folder / "a" / "001.jpg", contract)
    assert ids == ("001.jpg",)
    assert np.array_equal(images[0], load_image(files["a/001.jpg"], contract))


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_inputs_are_read_from_arrays(tmp_path, kind):
    array = np.random.default_rng(0).integers(0, 256, (4, 3, 5, 6), dtype=np.uint8)
    path = tmp_path / f"inputs.{kind}"
    np.save(path, array) if kind == "npy" else np.savez(path, images=array)
    ids, images = read_inputs(path, InputContract((3, 5, 6)))
    assert ids == tuple(f"inputs.{kind}#{index}" for index in range(4))
    assert np.array_equal(images, array)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.zeros((4, 3, 5, 6), np.float32),
            r"float32 \[4, 3, 5, 6\].* takes uint8 \[N, 3, 5, 6\]",
        ),
        (np.zeros((4, 3, 5, 6), np.int8), r"int8 \[4, 3, 5, 6\]"),
        (np.zeros((4, 3, 5, 6), bool), r"bool \[4, 3, 5, 6\]"),
        (np.zeros((4, 3, 5, 6, 1), np.uint8), r"uint8 \[4, 3, 5, 6, 1\]"),
        (np.zeros((4, 3, 5, 5), np.uint8), r"uint8 \[4, 3, 5, 5\]"),
        (np.zeros((0, 3, 5, 6), np.uint8), "holds no input"),
        (np.zeros((3, 5, 6), np.uint8), r"uint8 \[3, 5, 6\]"),
        (np.zeros((4, 5, 6, 3), np.uint8), r"uint8 \[4, 5, 6, 3\]"),
        (np.array([{"a": 1}], dtype=object), "no NumPy array file"),
    ],
)
def test_arrays_that_break_the_contract_are_refused(tmp_path, array, message):
    path = tmp_path / "inputs.npy"
    np.save(path, array, allow_pickle=True)
    with pytest.raises(DataError, match=message):
        read_inputs(path, InputContract((3, 5, 6)))


def test_inputs_that_are_no_inputs_are_refused(tmp_path):
    contract = InputContract((3, 5, 6))
    np.savez(tmp_path / "two.npz", a=np.zeros(1), b=np.zeros(1))
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    for name, message in {
        "two.npz": "holds 2 arrays",
        "broken.npy": "no NumPy array file",
        "empty": "holds no pictures",
        "broken.jpg": "cannot identify image file 'broken.jpg'",
        "missing": "does not exist",
    }.items():
        with pytest.raises(DataError, match=message):
            read_inputs(tmp_path / name, contract)


def test_the_room_imports_neither_torch_nor_onnx():
    code = (
        "import sys, harness.data.dataset, harness.data.images, harness.data.duplicates;"
        "sys.exit(bool({'torch', 'onnx', 'onnxruntime'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
