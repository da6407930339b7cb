"""The probe of images that asks at which scale they vary."""

import numpy as np

from core.layer import Array
from firsthand.probes.arrays import Data
from firsthand.probes.finding import PERMUTATIONS, Finding, NotApplicable, Probe, Sheet, Sketch, against
from firsthand.probes.images import pixels

MOST = 1_000


def power_spectrum(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """Power of the images (the mean image removed, a Hann window) at each spatial frequency, averaged over images and
    directions. slope: that of log power against log frequency, by least squares, from 2 cycles per image to half the
    sampling rate; 0 for independent pixels, about -2 for photographs of scenes (Field, 1987). Null: the pixels
    permuted, alike in all images."""
    images = pixels(data, rng, sheet, MOST)
    images = images - images.mean(axis=0)
    count, height, width = images.shape
    frequencies = np.arange(2, min(height, width) // 2 + 1)
    if len(frequencies) < 3:
        raise NotApplicable("power_spectrum needs images of at least 8 x 8 pixels.")
    flat = images.reshape(count, -1)
    measured = _spectrum(images, frequencies)
    orders = [rng.permutation(flat.shape[1]) for _ in range(PERMUTATIONS)]
    draws = np.array([_spectrum(flat[:, order].reshape(images.shape), frequencies) for order in orders])
    sheet.put(
        "slope", _slope(frequencies, measured), "log power / log frequency", [_slope(frequencies, d) for d in draws]
    )
    slope = sheet.contrast("slope")
    strength = slope.strength(1.0, sign=-1)
    if strength == "none":
        said = (
            f"Fine detail has as much power as coarse shape (slope {slope}): smoothing and sub-sampling would throw "
            "away what the images hold."
        )
    else:
        said = (
            f"Power falls with spatial frequency (slope {slope} permuted): {strength} evidence that coarse shape holds "
            "most of the images, so that sub-sampling loses little."
        )
    return sheet.conclude("slope", strength, said, x=frequencies, **against(measured, draws))


def _spectrum(images: Array, frequencies: Array) -> Array:
    _, height, width = images.shape
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    power = (np.abs(np.fft.rfft2(images * window)) ** 2).mean(axis=0)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)) * min(height, width)
    rings = np.rint(radius).astype(int)
    return np.array([power[rings == f].mean() for f in frequencies])


def _slope(frequencies: Array, power: Array) -> float:
    return float(np.polyfit(np.log(frequencies), np.log(np.maximum(power, 1e-12 * power.max())), 1)[0])


PROBES = {
    "power_spectrum": Probe(
        ("images",),
        ("images",),
        power_spectrum,
        Sketch("At which scale do images vary?", "cycles per image", "power", "pixels permuted", "curve", True, True),
    )
}
