#!/usr/bin/env python3
"""Writes the golden files of tests/test_golden_layers.cpp with PyTorch (made with 2.15).

    tests/golden/generate_layers.py            # overwrites tests/golden/{layers,..}.safetensors

As generate.py, whose helpers it uses.
"""

import torch
import torch.nn.functional as F

from generate import Cases, write


def layers():
    torch.manual_seed(13)
    cases = Cases()
    x = torch.randn(2, 6, 9)
    for i, (stride, padding, dilation, groups) in enumerate([(1, 0, 1, 1), (2, 2, 1, 2), (1, 3, 2, 3), (3, 1, 1, 6)]):
        cases.add(f"conv1d.{i}", lambda x, w, b: F.conv1d(x, w, b, stride, padding, dilation, groups),
                  (stride, padding, dilation, groups), x=x, w=torch.randn(6, 6 // groups, 3), b=torch.randn(6))
    for i, (shape, slopes) in enumerate([((2, 3, 4, 5), 3), ((2, 3, 4, 5), 1), ((5, 3), 3), ((7,), 1)]):
        cases.add(f"prelu.{i}", lambda x, w: F.prelu(x, w), x=torch.randn(shape), w=torch.randn(slopes))
    for r in (1, 2, 3):
        cases.add(f"pixel_shuffle.{r}", lambda x: F.pixel_shuffle(x, r), (r,), x=torch.randn(2, 2 * r * r, 3, 2))
        cases.add(f"pixel_unshuffle.{r}", lambda x: F.pixel_unshuffle(x, r), (r,), x=torch.randn(2, 2, 3 * r, 2 * r))
    for i, shape in enumerate([(7, 3), (4, 3, 5), (4, 3, 2, 5)]):
        mean, var = torch.randn(3), torch.rand(3) + 0.5
        for training in (0, 1):
            running = mean.clone(), var.clone()
            name = f"batch_norm.{i}.{training}"
            cases.add(name, lambda x, w, b: F.batch_norm(x, *running, w, b, bool(training), 0.3), (training,),
                      x=torch.randn(shape), w=torch.randn(3), b=torch.randn(3))
            cases[f"{name}.mean"], cases[f"{name}.var"] = mean, var
            cases[f"{name}.new_mean"], cases[f"{name}.new_var"] = running
    write("layers", cases)


if __name__ == "__main__":
    for make in (layers,):
        make()
