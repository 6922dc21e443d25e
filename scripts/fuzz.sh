#!/usr/bin/env bash
# Feeds everything that reads files with damaged ones, on all processors: scripts/fuzz.sh HOURS [NAME...]
# NAME is a fuzzer of tests/fuzz, such as image; without names all take turns. What they learn is kept in
# build/fuzz/corpus, so that the next call goes on from there; inputs that break something are in build/fuzz/findings.
# Ends with the sums of all calls, and fails when there is a finding.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh

usage() { echo "usage: scripts/fuzz.sh HOURS [NAME...]" >&2; exit 2; }
[[ ${1:-} =~ ^[0-9]*[.]?[0-9]+$ ]] || usage
hours=$1
shift
install_packages "${program_packages[@]}" "${test_packages[@]}" "${clang_packages[@]}"
note "Building"
configure fuzz
cmake --build build/fuzz --parallel "$(cores)"

cd build/fuzz
known=(fuzzers/*)
known=("${known[@]#fuzzers/}")
[ $# -gt 0 ] || set -- "${known[@]}"
for name in "$@"; do
  [ -f "fuzzers/$name" ] || { echo "there is no fuzzer $name, only ${known[*]}" >&2; exit 2; }
done
seconds=$(awk "BEGIN { print int($hours * 3600) }")
until=$(($(date +%s) + seconds))
turn=$((1 + seconds * $(cores) / $#))  # a part of the time for each, when that is short
[ $turn -le 300 ] || turn=300

# take_turn NAME: adds a line to runs.txt: name, executions, processor seconds, exit code.
take_turn() {
  local name=$1 code=0 log command executions seconds what=""
  log=$(mktemp "logs/$name-XXXXXX")
  mapfile -t command <"fuzzers/$name"
  TIMEFORMAT='%U %S'
  seconds=$({ time without_address_randomisation nice -n 19 "${command[@]}" -max_total_time="$turn" >"$log" 2>&1; } 2>&1) || code=$?
  seconds=$(awk '{ print $1 + $2 }' <<<"$seconds")
  executions=$(awk '/^stat::number_of_executed_units:/ { print $2 }' "$log")
  [ $code != 72 ] || code=0  # interrupted
  echo "$name ${executions:-0} $seconds $code" >>runs.txt
  if [ $code = 0 ]; then rm "$log"; else what=", a finding: build/fuzz/$log"; fi
  printf '%s %-12s %9d executions, %4.0f s of processor time%s\n' "$(date +%T)" "$name" "${executions:-0}" "$seconds" "$what"
}

note "Fuzzing for $hours h, $(cores) at a time, in turns of $turn s; Ctrl-C ends it early"
mkdir -p logs
trap 'until=0' INT
while [ "$(date +%s)" -lt "$until" ]; do
  for name in "$@"; do
    while [ "$(jobs -rp | wc -l)" -ge "$(cores)" ]; do wait -n || true; done
    [ "$(date +%s)" -lt "$until" ] || break
    take_turn "$name" &
  done
done
wait

note "All calls so far"
awk '{ n[$1] += $2; s[$1] += $3; f[$1] += $4 != 0; N += $2; S += $3; F += $4 != 0 }
  END { printf "%-14s %14s %10s %10s\n", "fuzzer", "executions", "hours", "findings"
    for (name in n) printf "%-14s %14d %10.2f %10d\n", name, n[name], s[name] / 3600, f[name] | "sort"
    close("sort"); printf "%-14s %14d %10.2f %10d\n", "all", N, S / 3600, F }' runs.txt
[ -z "$(ls findings)" ]
