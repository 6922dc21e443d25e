#!/usr/bin/env python3
"""Writes a network of networks.py, in eval mode, as an ONNX file for batches of one size: NETWORK BATCH FILE."""

import os
import sys

sys.dont_write_bytecode = True

import onnx
import torch

import networks


def main():
    name, batch, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    model = networks.make_model(name).eval()
    images = torch.rand(batch, *networks.SIZES[name][1]) - 0.5
    torch.onnx.export(model, (images,), path + ".part", input_names=["images"], output_names=["answer"],
                      external_data=False, verbose=False)
    exported = onnx.load(path + ".part")
    onnx.helper.set_model_props(exported, {"parameters": str(networks.parameter_count(model))})
    onnx.save(exported, path + ".part")
    os.rename(path + ".part", path)  # so that a file is whole or not there


if __name__ == "__main__":
    main()
