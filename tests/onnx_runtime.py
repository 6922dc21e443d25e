#!/usr/bin/env python3
"""What ONNX Runtime makes of networks that were written here.

    onnx_runtime.py FOLDER    for each NAME.onnx of FOLDER: its results for NAME.in.npy are those in NAME.out.npy

Exits with 77 where there is no onnxruntime.
"""

import sys
from pathlib import Path

try:
    import numpy
    import onnxruntime
except ImportError:
    sys.exit(77)

files = sorted(Path(sys.argv[1]).glob("*.onnx"))
wrong = [] if files else ["no files"]
for file in files:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    x, expected = (numpy.load(file.with_suffix(f".{kind}.npy")) for kind in ("in", "out"))
    (y,) = session.run(None, {session.get_inputs()[0].name: x})
    if y.shape != expected.shape:
        wrong.append(f"{file.name}: {y.shape}, not {expected.shape}")
        continue
    difference = float(abs(y - expected).max() / max(1.0, abs(expected).max()))
    print(f"{file.name}: {difference:.1e}")
    if not difference <= 1e-5:
        wrong.append(f"{file.name}: differs by {difference}")
sys.exit("\n".join(wrong) or 0)
