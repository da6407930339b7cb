"""The data: features that grow down a tree, and digits with white inputs."""

import numpy as np

from core.layer import Array
from firsthand import Run

LEVELS, FLIP = 5, 0.1


def tree(rng: np.random.Generator, features: int) -> Array:
    """(features, 32): -1 or 1 at the root of a binary tree, and every edge flips each feature with probability 0.1."""
    x = rng.choice([-1.0, 1.0], size=(features, 1))
    for _ in range(LEVELS):
        x = np.repeat(x, 2, axis=1)
        x = x * np.where(rng.random(x.shape) < FLIP, -1, 1)
    return x


def items(inputs: str) -> Array:
    """(32, 32): an input for each item of the tree, orthogonal or such that items k apart correlate as 0.5^k."""
    if inputs == "orthogonal":
        return np.eye(2**LEVELS)
    places = np.arange(2**LEVELS)
    return np.linalg.cholesky(0.5 ** np.abs(np.subtract.outer(places, places)))


def white_digits(run: Run, keep: int) -> tuple[Array, Array]:
    """Correlation of the whitened digits with their targets, (10, keep), and the variances before whitening."""
    digits = run.data("optdigits")
    x = digits["images"].reshape(len(digits["images"]), -1) / 16.0
    x = x - x.mean(axis=0)
    variances, directions = np.linalg.eigh(x.T @ x / len(x))
    white = x @ directions[:, -keep:] / np.sqrt(variances[-keep:])
    sigma31: Array = np.eye(10)[digits["labels"]].T @ white / len(x)
    return sigma31, variances[-keep:]


def images_and_labels(run: Run, images: str) -> tuple[Array, Array]:
    """Training images of MNIST (or all of optdigits) as rows of numbers, and their labels."""
    data = run.data(images)
    names = ("train_images", "train_labels") if images == "mnist" else ("images", "labels")
    x, labels = (np.asarray(data[name]) for name in names)
    return x.reshape(len(x), -1).astype(np.float64), labels
