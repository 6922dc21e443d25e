#!/usr/bin/env bash
# The suite `mingw` of scripts/test.sh: Windows, without a machine that runs it. MinGW compiles the headers that need no
# other library, for 64 and for 32 bits, and the tests below, which Wine then runs. Writes `passed failed skipped`,
# counted in test cases and compilations, to the file that is its argument; what it builds stays in build/mingw.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tally=$(realpath -m "${1:?usage: tests/mingw.sh TALLY}")
work=$PWD/build/mingw
tests=(tensor autograd fit progress text from_chars temporary_folder atomic_file)
mkdir -p "$work/headers" "$(dirname "$tally")"

skip() {
  echo "skipped: $*"
  echo "0 0 1" > "$tally"
  exit 0
}
compiler=x86_64-w64-mingw32-g++-posix compiler32=i686-w64-mingw32-g++-posix
wine=$(command -v wine64 || command -v /usr/lib/wine/wine64) || skip "there is no wine64"
command -v $compiler >/dev/null || skip "there is no $compiler"
command -v $compiler32 >/dev/null || skip "there is no $compiler32"

export WINEDEBUG=-all WINEPREFIX="$work/wine" WINEPATH=
$compiler -static -x c++ - -o "$work/empty.exe" <<<'int main() {}'
timeout 200 "$wine" "$work/empty.exe" || skip "Wine cannot run a program here"

# Other people's headers alone: the rest of /usr/include is not for Windows.
# Version 3 of Catch2 is a library, and that is not for Windows either.
[ -e /usr/include/catch2/catch.hpp ] || skip "there is no Catch2 of headers alone"
ln -sfn /usr/include/catch2 "$work/headers/catch2"
flags=(-std=c++20 -O0 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -Iinclude -Itests -isystem "$work/headers")
umbrella=(-include nasion/nasion.hpp -include nasion/io/npy.hpp -x c++ /dev/null -fsyntax-only)

passed=0 failed=0
for target in $compiler "$compiler32 -msse2"; do
  if $target "${flags[@]}" "${umbrella[@]}"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done

launcher=${CMAKE_CXX_COMPILER_LAUNCHER:-$(command -v ccache || true)}
objects=("$work/main.o")
for name in "${tests[@]}"; do objects+=("$work/test_$name.o"); done
printf '%s\n' support/main "${tests[@]/#/test_}" |
  xargs -P "$(nproc)" -I{} bash -c 'name=$1; shift; "$@" -c "tests/$name.cpp" -o "'"$work"'/${name##*/}.o"' _ {} \
    $launcher $compiler "${flags[@]}" -DCATCH_CONFIG_NO_POSIX_SIGNALS || failed=$((failed + 1))
rm -f "$work/cases.txt"
if $compiler -static "${objects[@]}" -o "$work/test_mingw.exe"; then
  NASION_TEST_TALLY="Z:${work//\//\\}\\cases.txt" \
    timeout 300 "$wine" "$work/test_mingw.exe" || echo "mingw: some tests failed"
fi
p=0 f=1 s=0  # unless the tests came to their end
[ ! -f "$work/cases.txt" ] || read -r _ p f s < <(tr -d '\r' < "$work/cases.txt")
echo "$((passed + p)) $((failed + f)) $s" > "$tally"
