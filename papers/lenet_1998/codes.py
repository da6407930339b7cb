"""The targets of LeNet-5's output units: each digit drawn on a bitmap 7 wide and 12 high, ink +1 and paper -1.

The paper shows its bitmaps as a picture (figure 3) and takes them because characters that look alike then have codes
that lie close together, which a language model can later resolve. The drawings here are ours, in the same spirit.
"""

import numpy as np

from core.layer import Array

_DRAWINGS = """
..###.. ...#... .#####. #####.. ....##. ####### ..####. ####### .#####. .####..
.##.##. ..##... ##...## ....##. ...###. ##..... .##.... ##...## ##...## ##..##.
##...## .###... .....## .....## ..####. ##..... ##..... .....## ##...## ##...##
##...## ...#... .....## .....## .##.##. ##..... ##..... ....##. ##...## ##...##
##...## ...#... ....##. ....##. ##..##. #####.. ##.###. ....##. .##.##. ##...##
##...## ...#... ...##.. ..###.. ##..##. ....##. ###..## ...##.. ..###.. .##.###
##...## ...#... ..##... ....##. ####### .....## ##...## ...##.. .##.##. ..##.##
##...## ...#... .##.... .....## ....##. .....## ##...## ..##... ##...## .....##
##...## ...#... ##..... .....## ....##. .....## ##...## ..##... ##...## .....##
.##.##. ...#... ##..... .....## ....##. ##...## ##...## .##.... ##...## ....##.
..###.. .#####. ####### ##..##. ....##. .##.##. .##.##. .##.... ##...## ...##..
....... ....... ....... .####.. ....... ..###.. ..###.. ....... .#####. .###...
"""


def digit_codes() -> Array:
    """The ten codes, (10, 84), float32, each a bitmap read row by row."""
    rows = [line.split() for line in _DRAWINGS.split("\n") if line]
    drawings = ["".join(row[digit] for row in rows) for digit in range(10)]
    return np.array([[1.0 if dot == "#" else -1.0 for dot in drawing] for drawing in drawings], np.float32)
