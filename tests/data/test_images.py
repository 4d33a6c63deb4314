import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from luce.data.images import load_images
from luce.errors import DataError

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=2)


@pytest.fixture
def folder(tmp_path):
    """Make a folder of images from ``{"class/file": array or image}``."""

    def make(**files):
        for name, content in files.items():
            path = tmp_path / "set" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(content) if isinstance(content, np.ndarray) else content
            image.save(path)
        return tmp_path / "set"

    return make


def test_folders_are_classes(folder):
    root = folder(**{"dog/b.png": GREY, "cat/a.png": GREY + 1, "dog/a.bmp": GREY + 2})
    dataset = load_images(root, needs_target=True)
    assert dataset.kind == "images"
    assert dataset.target.tolist() == ["cat", "dog", "dog"]
    assert dataset.row_names.tolist() == ["cat/a.png", "dog/a.bmp", "dog/b.png"]
    np.testing.assert_array_equal(dataset.features, [GREY + 1, GREY + 2, GREY], strict=True)
    assert dataset.notes == ("The classes are the names of the 2 folders.",)


def test_the_most_frequent_size_wins_and_it_is_said(folder):
    big = np.repeat(np.repeat(GREY, 2, axis=0), 2, axis=1)
    dataset = load_images(
        folder(**{"a/1.png": GREY, "a/2.png": big, "b/3.png": GREY}), needs_target=True
    )
    assert dataset.features.shape == (3, 3, 4)
    assert "1 of 3 images had another size and were brought to 4 x 3 pixels." in dataset.notes
    assert np.abs(dataset.features[1].astype(int) - GREY).max() <= 20


def test_one_image_in_colour_makes_all_coloured(folder):
    dataset = load_images(folder(**{"a/1.png": GREY, "b/2.png": COLOUR}), needs_target=True)
    np.testing.assert_array_equal(dataset.features[0], np.stack([GREY] * 3, axis=2))
    np.testing.assert_array_equal(dataset.features[1], COLOUR)
    assert "1 grey images were read as colours." in dataset.notes


def test_the_shape_of_a_model_wins(folder):
    root = folder(**{"a/1.png": COLOUR, "b/2.png": COLOUR})
    dataset = load_images(root, needs_target=True, image_shape=(6, 8))
    assert dataset.features.shape == (2, 6, 8)
    assert len(dataset.notes) == 3


def test_transparency_lies_on_white(folder):
    alpha = np.where(GREY > 100, 255, 0).astype(np.uint8)
    image = Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(alpha)])
    dataset = load_images(folder(**{"a/1.png": image, "b/2.png": GREY}), needs_target=True)
    np.testing.assert_array_equal(dataset.features[0], np.where(alpha > 0, GREY, 255))


def test_sixteen_bits_are_cut_to_eight(folder):
    image = Image.fromarray(GREY.astype(np.uint16) * 256 + 7)
    dataset = load_images(folder(**{"a/1.png": image, "b/2.png": GREY}), needs_target=True)
    np.testing.assert_array_equal(dataset.features[0], GREY)


def test_palettes_are_looked_up(folder):
    grey = Image.fromarray(GREY).convert("P")
    dataset = load_images(folder(**{"a/1.png": grey, "b/2.bmp": GREY}), needs_target=True)
    np.testing.assert_array_equal(dataset.features[0], GREY)


def test_the_rotation_of_the_camera_is_undone(tmp_path):
    smooth = np.linspace(0, 255, 32 * 16).reshape(32, 16).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth).save(path, exif=exif, quality=100)
    dataset = load_images(path, needs_target=False)
    assert dataset.features.shape == (1, 16, 32)
    assert np.abs(dataset.features[0].astype(int) - np.rot90(smooth, -1)).max() < 5


def test_one_image_or_a_flat_folder_can_be_predicted(folder):
    root = folder(**{"b.png": GREY, "a.webp": COLOUR})
    dataset = load_images(root, needs_target=False)
    assert dataset.target is None
    assert dataset.row_names.tolist() == ["a.webp", "b.png"]
    assert load_images(root / "b.png", needs_target=False).row_names.tolist() == ["b.png"]
    with pytest.raises(DataError, match="images without class folders"):
        load_images(root, needs_target=True)


def test_other_files_are_left_out_and_counted(folder):
    root = folder(**{"a/1.png": GREY, "b/2.png": GREY})
    (root / "a" / "notes.txt").touch()
    (root / "README").touch()
    (root / ".hidden").mkdir()
    assert "2 other files or folders were left out." in load_images(root, needs_target=True).notes


def test_the_fingerprint_knows_names_and_contents(folder):
    root = folder(**{"a/1.png": GREY, "b/2.png": GREY})
    first = load_images(root, needs_target=True).fingerprint
    (root / "a" / "1.png").rename(root / "a" / "3.png")
    second = load_images(root, needs_target=True).fingerprint
    Image.fromarray(GREY + 1).save(root / "a" / "3.png")
    assert len({first, second, load_images(root, needs_target=True).fingerprint}) == 3


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match="no such images; folders: 'train'"):
        load_images(tmp_path, needs_target=True)


def gif():
    """Spell a sound GIF: a format that is not on the list, whatever the file is called."""
    stream = io.BytesIO()
    Image.fromarray(GREY).save(stream, "GIF")
    return stream.getvalue()


def png_of(width, height):
    """Spell a PNG whose header claims a size, as a bomb does."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (lambda data: b"", "cannot be read"),
        (lambda data: data[: len(data) // 2], "cannot be read"),
        (lambda data: b"%PDF-1.7", "cannot be read"),
        (lambda data: gif(), "cannot be read"),
        (lambda data: png_of(6000, 6000), "6000 x 6000 pixels, more than"),
        (lambda data: png_of(12000, 12000), "pixels"),
        (lambda data: png_of(60000, 60000), "bomb"),
        (lambda data: png_of(8, 8), "cannot be read"),
    ],
)
def test_names_the_one_image_that_is_bad(folder, damage, part):
    root = folder(**{"a/1.png": GREY, "b/2.png": GREY})
    bad = root / "b" / "2.png"
    bad.write_bytes(damage(bad.read_bytes()))
    with pytest.raises(DataError, match=rf"b/2\.png must be a sound image.*{part}"):
        load_images(root, needs_target=True)
