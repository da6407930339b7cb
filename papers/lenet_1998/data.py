"""The images as the networks see them: scaled as the papers say, in a frame, permuted or moved for the ablations."""

from dataclasses import dataclass

import numpy as np

from core.layer import Array
from firsthand import Run

DIRECTIONS = ((0, 2), (0, -2), (2, 0), (-2, 0))  # two pixels down, up, right, left, as (columns, rows)


@dataclass(frozen=True)
class Digits:
    """Training and test images (N, 1, H, W), float32, and labels (N,)."""

    train_images: Array
    train_labels: Array
    test_images: Array
    test_labels: Array

    def first(self, images: int) -> "Digits":
        """At most that many training images, and as many test images."""
        return Digits(
            self.train_images[:images], self.train_labels[:images], self.test_images[:images], self.test_labels[:images]
        )

    def with_shuffled_labels(self, rng: np.random.Generator) -> "Digits":
        """The control: training labels that say nothing about their images."""
        return Digits(self.train_images, rng.permutation(self.train_labels), self.test_images, self.test_labels)

    def majority_misses(self) -> int:
        """Test digits missed by always answering the commonest training label."""
        return int((self.test_labels != np.bincount(self.train_labels).argmax()).sum())


def frame(images: Array, size: int) -> Array:
    """Images (N, h, w) with grey levels from 0 to 1, in the middle of a size x size frame of background zeros."""
    n, h, w = images.shape
    framed = np.zeros((n, 1, size, size), np.float32)
    top, left = (size - h) // 2, (size - w) // 2
    framed[:, 0, top : top + h, left : left + w] = images
    return framed


def paper_scale(grey: Array) -> Array:
    """Grey levels from 0 to 1 such that background is -0.1 and foreground 1.175 (1998, section II-B)."""
    return grey * np.float32(1.275) - np.float32(0.1)


def permute(images: Array, order: Array) -> Array:
    """The same fixed permutation of the pixels for every image (N, 1, H, W)."""
    return images.reshape(len(images), -1)[:, order].reshape(images.shape)


def moved(images: Array, down: int, right: int) -> Array:
    """Every image moved; what leaves the frame, background in every data set here, comes back on the other side."""
    return np.roll(images, (down, right), axis=(2, 3))


def load_mnist(run: Run) -> Digits:
    """All 60,000 + 10,000 digits, 28 x 28 set into 32 x 32, scaled as in the paper."""
    data = run.data("mnist")
    images = [paper_scale(frame(data[name] / np.float32(255), 32)) for name in ("train_images", "test_images")]
    return Digits(images[0], data["train_labels"].astype(np.int64), images[1], data["test_labels"].astype(np.int64))


def load_zip(run: Run) -> Digits:
    """The 7,291 + 2,007 zip-code digits, 16 x 16, from -1 to 1."""
    data = run.data("zip1989")
    images = [(data[name] / np.float32(1000))[:, None] for name in ("train_images", "test_images")]
    return Digits(images[0], data["train_labels"].astype(np.int64), images[1], data["test_labels"].astype(np.int64))


def load_optdigits(run: Run) -> Digits:
    """The embedded 8 x 8 digits in a frame of 10 x 10: 900 drawn to train, the other 897 to test."""
    data = run.data("optdigits")
    order = run.rng("split").permutation(len(data["labels"]))
    images = paper_scale(frame(data["images"] / np.float32(16), 10))[order]
    labels = data["labels"].astype(np.int64)[order]
    return Digits(images[:900], labels[:900], images[900:], labels[900:])
