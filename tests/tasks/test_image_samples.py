import base64

import numpy as np

from luce.data import Dataset, load
from luce.tasks.image_samples import image_samples


def test_classes_come_in_turn_with_white_at_255():
    digits = load("digits")
    samples = image_samples(digits, 20)
    assert [sample["label"] for sample in samples] == [str(i % 10) for i in range(20)]
    first = samples[0]
    pixels = np.frombuffer(base64.b64decode(first["pixels"]), np.uint8).reshape(8, 8)
    np.testing.assert_array_equal(pixels, np.rint(digits.features[first["row"]] * 255 / 16))


def test_large_images_are_thinned_out_and_tables_have_none():
    images = np.zeros((2, 500, 200, 3), np.uint8)
    dataset = Dataset("t", "images", images, target=np.array(["a", "b"], dtype=object))
    assert [(s["height"], s["width"], s["channels"]) for s in image_samples(dataset, 5)] == [
        (84, 34, 3)
    ] * 2
    assert image_samples(load("iris"), 5) == []
