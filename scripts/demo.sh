#!/usr/bin/env bash
# From a fresh clone to a trained network: finds the nose tip on synthetic faces, and writes out/part1/report.html.
# Arguments go to the program: scripts/demo.sh --epochs 150
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh

install_packages "${program_packages[@]}"

note "Building"
configure release -DNASION_BUILD_TESTS=OFF -DNASION_BUILD_BENCHMARKS=OFF -DNASION_BUILD_EXAMPLES=ON
cmake --build build/release --parallel "$(cores)" --target part1_nose_tip

note "Training"
resume=()
[ ! -f out/part1/checkpoint.safetensors ] || resume=(--resume)
build/release/examples/part1_nose_tip --out out/part1 "${resume[@]}" "$@"

note "Done: open $PWD/out/part1/report.html"
