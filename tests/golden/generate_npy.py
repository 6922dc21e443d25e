#!/usr/bin/env python3
"""Writes the small .npy and .npz files in tests/golden/npy with NumPy (Debian: python3-numpy)."""

from pathlib import Path

import numpy as np
from numpy.lib import format as npy

FOLDER = Path(__file__).resolve().parent / "npy"
FOLDER.mkdir(exist_ok=True)

counting = np.arange(24).reshape(2, 3, 4)
ARRAYS = {
    "f4": (counting / 4).astype("<f4"),
    "f8": (counting / 3).astype("<f8"),
    "f2": np.array([0, 1, -2.5, 65504, 2.0**-24, np.inf], "<f2"),
    "fortran": np.asfortranarray((counting / 4).astype("<f4")),
    "u1": np.array([[0, 1, 255], [128, 7, 9]], "|u1"),
    "i4": np.array([-(2**31), -1, 0, 2**31 - 1], "<i4"),
    "i8": np.array([[-(2**63), -1], [0, 2**63 - 1]], "<i8"),
    "u8_large": np.array([2**63], "<u8"),
    "bool": np.array([True, False]),
    "scalar": np.array(1.5),
    "empty": np.zeros((0, 5), "<f4"),
    "big_endian": np.array([1, 2], ">f4"),
    "complex": np.array([1j]),
    "record": np.zeros(2, [("x", "<f4"), ("y", "<f4")]),
}
for name, array in ARRAYS.items():
    np.save(FOLDER / f"{name}.npy", array)
for version in (2, 3):
    with open(FOLDER / f"version{version}.npy", "wb") as file:
        npy.write_array(file, ARRAYS["f4"], version=(version, 0))
for name, save in (("stored", np.savez), ("deflated", np.savez_compressed)):
    save(FOLDER / f"{name}.npz", images=ARRAYS["f4"], labels=np.array([3, 1, 2]))
