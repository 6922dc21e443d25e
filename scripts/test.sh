#!/usr/bin/env bash
# Every check there is: all tests with GCC (optimised for this machine), all unit tests with Clang under
# AddressSanitizer and UndefinedBehaviorSanitizer, and the tests that start threads under ThreadSanitizer. Installs what
# is missing. Vector code is also tested with narrower registers: AVX2, where this machine has wider ones, and what every
# x86-64 processor has, there without OpenMP; and with those of 64-bit Arm, emulated. What needs no other library is built
# for Windows, and a part of its tests runs under Wine. Then fuzzers feed damaged files to
# everything that reads files, for seconds each (scripts/fuzz.sh does it for hours), and last, on a bare Debian, the pages'
# commands are followed. With arguments only the named suites run:
# scripts/test.sh [release] [avx2] [baseline] [aarch64] [mingw] [asan] [tsan] [fuzz] [fresh]
#
# NASION_TEST_FILES, a regular expression as in test_(shape|linear)[.]cpp, names the only unit tests to build and run.
# Tests tagged [data] need real faces: NASION_DATA_DIR names their folder, and without it they count as skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh

if [ $# = 0 ]; then
  set -- release
  if grep -qw avx512f /proc/cpuinfo; then set -- "$@" avx2; fi  # where there is no more than AVX2, release is that
  if [ "$(uname -m)" = x86_64 ]; then set -- "$@" baseline aarch64 mingw; fi
  set -- "$@" asan tsan fuzz fresh
fi
packages=("${program_packages[@]}" "${mpi_packages[@]}" "${test_packages[@]}")
for suite in "$@"; do
  case $suite in
    avx2 | baseline) ;;
    release)
      packages+=("${clang_packages[@]}" "${docs_packages[@]}")
      # The two cannot be there together, and what put the first there may need it.
      is_installed libunwind-dev || packages+=("${libcxx_packages[@]}") ;;
    aarch64) packages+=("${arm_packages[@]}") ;;
    mingw) packages+=("${windows_packages[@]}") ;;
    asan | tsan | fuzz) packages+=("${clang_packages[@]}") ;;
    fresh) [ "$(id -u)" != 0 ] || packages+=("${fresh_packages[@]}") ;;
    *) echo "usage: scripts/test.sh [release] [avx2] [baseline] [aarch64] [mingw] [asan] [tsan] [fuzz] [fresh]" >&2; exit 2 ;;
  esac
done
install_packages "${packages[@]}"

passed=0 failed=0 skipped=0 red=()
options=(-DNASION_BUILD_TESTS=ON ${NASION_TEST_FILES:+"-DNASION_TEST_FILES=$NASION_TEST_FILES"})

# count FILE...: adds up ctest's JUnit file and the tallies of the unit tests, which count their own cases.
count() {
  awk '
    function attribute(name) {
      if (!match($0, name "=\"[^\"]*\"")) return ""
      return substr($0, RSTART + length(name) + 2, RLENGTH - length(name) - 3)
    }
    /^test_[a-z_]+ [0-9]+ [0-9]+ [0-9]+$/ {
      passed += $2; failed += $3; skipped += $4; cases[$1] = $2 + $3 + $4; failures[$1] = $3; next
    }
    /<testcase / {
      name = attribute("name"); status = attribute("status"); unit = name
      if (sub(/^unit\./, "test_", unit)) {
        if (status != "run" && !failures[unit] || !cases[unit]) { failed++; print name " ended without its result" > "/dev/stderr" }
      } else if (status == "run") passed++
      else if (status == "fail") failed++
      else pending = name
    }
    /<skipped/ && pending != "" {
      if ($0 ~ /SKIP_RETURN_CODE/) skipped++; else failed++
      pending = ""
    }
    END { print passed + 0, failed + 0, skipped + 0 }
  ' "$@"
}

# add_up SUITE PASSED FAILED SKIPPED STARTED
add_up() {
  passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
  [ "$3" = 0 ] || red+=("$1: $3 failed")
  note "$1: $2 passed, $3 failed, $4 skipped in $((SECONDS - $5)) s"
}

# run_suite PRESET [ctest arguments]
run_suite() {
  local preset=$1 started=$SECONDS p=0 f=0 s=0 unbuilt=0
  shift
  local results=$PWD/build/$preset/results.xml tally=$PWD/build/$preset/tally.txt
  note "$preset: building"
  if ! configure "$preset" "${options[@]}" || ! cmake --build "build/$preset" --parallel "$(cores)" -- -k 0; then
    echo "$preset: the build failed"
    unbuilt=1
  fi
  note "$preset: testing ($((SECONDS - started)) s so far)"
  rm -f "$results" "$tally"
  NASION_TEST_TALLY=$tally without_address_randomisation ctest --test-dir "build/$preset" --output-on-failure \
    --parallel "$(cores)" --output-junit "$results" "$@" || echo "$preset: some tests failed"
  touch "$tally"
  if [ -f "$results" ]; then read -r p f s < <(count "$tally" "$results"); else unbuilt=1; fi
  add_up "$preset" "$p" $((f + unbuilt)) "$s" "$started"
}

# run_script SUITE COMMAND...: it is given a file, and writes its three numbers there.
run_script() {
  local suite=$1 started=$SECONDS p=0 f=1 s=0 tally=$PWD/build/$1/tally.txt
  shift
  note "$suite"
  rm -f "$tally"
  "$@" "$tally" || true
  [ ! -f "$tally" ] || read -r p f s < "$tally"
  add_up "$suite" "$p" "$f" "$s" "$started"
}

for suite in "$@"; do
  case $suite in
    release) run_suite release ;;
    fuzz) run_suite fuzz -L fuzz ;;
    # Whatever becomes of this shell: what runs in the bare Debian ends with it.
    fresh) run_script fresh setpriv --pdeathsig KILL tests/fresh/run.sh ;;
    mingw) run_script mingw tests/mingw.sh ;;
    *) run_suite "$suite" -L unit ;;
  esac
done

[ ${#red[@]} = 0 ] || printf '\n%s' "${red[@]}"
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
# A suite that cannot run here says so and is no failure; but something must have been looked at.
[ "$failed" = 0 ] && [ $((passed + skipped)) -gt 0 ]
