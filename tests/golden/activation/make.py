# SPDX-License-Identifier: Apache-2.0
"""Make the payloads here from docs/activation-format.md alone, without Cleave: python3 make.py

NAME.payload is what crosses the link; NAME.tensors is what it decodes to, one tensor after
another. test_activation.c knows the types and planned shapes."""
import os
import struct
import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
DTYPES = {"float32": 1, "uint8": 4, "int64": 11, "bool": 12}


def header(tensors, planned):
    value = 2166136261
    for t, shape in zip(tensors, planned):
        content = struct.pack("<BB", DTYPES[t.dtype.name], t.ndim) + struct.pack(f"<{t.ndim}q", *shape)
        for byte in content:
            value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    signature = (value ^ value >> 24) & 0xFFFFFF
    return struct.pack("<I", signature << 8 | 1)


def plain(t):
    return b"\0" + t.tobytes(), t.tobytes()


def quantised(t):
    if t.dtype != numpy.float32 or t.size < 3 or not numpy.isfinite(t).all():
        return plain(t)
    low, high = t.min(), t.max()
    step = (high - low) / numpy.float32(255)
    head = b"\1" + struct.pack("<ff", low, step)
    if low == high:
        return head, t.tobytes()
    q = numpy.floor((t - low) * (numpy.float32(1) / step) + numpy.float32(0.5)).astype("uint8")
    back = low + q.astype("float32") * step
    return head + q.tobytes(), back.astype("float32").tobytes()


def sized(t, shape, encode):
    bytes_, back = encode(t)
    if t.shape != shape:
        bytes_ = bytes([bytes_[0] | 128]) + struct.pack(f"<{t.ndim}Q", *t.shape) + bytes_[1:]
    return bytes_, back


def write(name, tensors, encode, planned=None):
    planned = planned or [t.shape for t in tensors]
    parts = [sized(t, shape, encode) for t, shape in zip(tensors, planned)]
    with open(os.path.join(HERE, name + ".payload"), "wb") as file:
        file.write(header(tensors, planned) + b"".join(p[0] for p in parts))
    with open(os.path.join(HERE, name + ".tensors"), "wb") as file:
        file.write(b"".join(p[1] for p in parts))


f32 = numpy.float32
i = numpy.arange(60)
tensors = [
    ((i * 37 % 101).astype(f32) * f32(0.37) - f32(11.5)).reshape(1, 3, 4, 5),
    numpy.full(7, -2.25, f32),
    numpy.array([0.5, -0.0], f32),
    numpy.array([1.5, numpy.nan, -numpy.inf, 3.0], f32),
    numpy.array([[-1, 2**40]], "int64"),
    numpy.array([True, False, True]),
    numpy.array(7.0, f32),
    numpy.zeros((2, 0), f32),
    numpy.arange(5, dtype="uint8"),
]
write("float", tensors, plain)
write("uint8", tensors, quantised)

# Some are smaller than planned.
found = [
    (i[:24].astype(f32) * f32(0.25)).reshape(6, 4),
    numpy.array([[0, 7, 2], [0, 9, 3]], "int64"),
    numpy.zeros((0, 3), "int64"),
    numpy.array([True]),
    numpy.array([2.5], f32),
    numpy.full((2, 1), -1.0, f32),
]
write("shapes", found, quantised, [(10, 4), (10, 3), (10, 3), (1,), (7,), (2, 2)])
