#!/usr/bin/env python3
"""Inference as in bench_inference by ONNX Runtime, of networks that PyTorch exports. `onnxruntime_peer.py --version` says
which one.

    onnxruntime_peer.py inference --network mobilenet_v2 --batch 1 --threads 2 --models /tmp/onnx"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

import numpy
import onnxruntime

import program


def model_file(arguments):
    """Exported when it is missing, by a process of its own: PyTorch and its threads are not here while time is taken."""
    path = arguments.models / f"{arguments.network}_batch{arguments.batch}.onnx"
    if not path.exists():
        arguments.models.mkdir(parents=True, exist_ok=True)
        script = Path(__file__).with_name("export_onnx.py")
        command = [sys.executable, str(script), arguments.network, str(arguments.batch), str(path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return str(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"ONNX Runtime {onnxruntime.__version__}")
    parser.add_argument("work", choices=("inference",))
    parser.add_argument("--variant", choices=("plain",), default="plain")
    parser.add_argument("--models", type=Path, default=Path(tempfile.gettempdir()) / "nasion_onnx", metavar="FOLDER",
                        help="of exported networks (default: %(default)s)")
    arguments = program.arguments_of(parser)
    arguments.batch = arguments.batch or 1
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = arguments.threads, 1
    session = onnxruntime.InferenceSession(model_file(arguments), options, providers=["CPUExecutionProvider"])
    images = numpy.random.default_rng(1).random(session.get_inputs()[0].shape, dtype=numpy.float32) - 0.5
    times = program.measure(arguments, lambda: session.run(None, {"images": images}))
    program.print_record(work="inference", network=arguments.network, library=f"ONNX Runtime {onnxruntime.__version__}",
                         variant="plain", parameters=int(session.get_modelmeta().custom_metadata_map["parameters"]),
                         batch=arguments.batch, threads=arguments.threads, **times)


if __name__ == "__main__":
    main()
