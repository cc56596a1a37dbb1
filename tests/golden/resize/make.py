# SPDX-License-Identifier: Apache-2.0
"""Make the *.rgb files here with Pillow (9.4 made the committed ones): python3 make.py"""
import os
import numpy
from PIL import Image

WIDTH, HEIGHT = 53, 37


def pattern():
    """The source image: test_resize.c computes the same."""
    y, x, c = numpy.mgrid[0:HEIGHT, 0:WIDTH, 0:3]
    return ((x * x * 7 + y * 13 + c * x * y * 5 + (x // 9 + y // 7) % 2 * 128) & 255).astype("uint8")


source = Image.fromarray(pattern())
for width, height in [(20, 16), (53, 11), (7, 37), (60, 41), (1, 1), (5, 50)]:
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{width}x{height}.rgb")
    with open(path, "wb") as file:
        file.write(source.resize((width, height), Image.BILINEAR).tobytes())
