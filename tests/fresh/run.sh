#!/usr/bin/env bash
# The suite `fresh` of scripts/test.sh: a stranger's first minutes with this clone, on a bare Debian made from the
# machine's own apt sources. Twice: as root without MPI, and as a user without sudo on a machine with MPI. Writes
# `passed failed skipped`, counted in steps, to the file that is its argument; the logs of the steps, the bare system and
# the packages stay in build/fresh.
#
# Everything happens in namespaces of its own for mounts and processes, so that neither outlives it, however it ends.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tally=$(realpath -m "${1:?usage: tests/fresh/run.sh TALLY}")
work=$PWD/build/fresh
mkdir -p "$work/archives/partial" "$work/logs" "$(dirname "$tally")"

skip() {
  echo "skipped: $*"
  echo "0 0 1" > "$tally"
  exit 0
}

[ "$(id -u)" = 0 ] || skip "only root can make a bare Debian"
for program in debootstrap unshare setpriv chroot python3; do
  command -v "$program" >/dev/null || skip "there is no $program"
done
unshare --mount --pid --fork true 2>/dev/null || skip "namespaces are not allowed here"

bare=$(tests/fresh/bare.sh "$work") || skip "debootstrap cannot run: see ${work#"$PWD/"}/logs/debootstrap.log"

trap 'rm -rf "$work/machine"' EXIT
trap 'exit 130' INT TERM
rm -rf "$work/machine"
setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child tests/fresh/steps.sh "$bare" "$work" "$tally"
