#!/bin/bash
# Some kills in the middle of runs; tests/kill_campaign.py PROGRAMS makes 200.
command -v python3 > /dev/null || { echo "skipped: needs python3"; exit 77; }
exec python3 "$(dirname "$0")/kill_campaign.py" "$1" --kills 10 --seed 1 --only part1 part1-mpi
