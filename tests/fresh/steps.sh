#!/usr/bin/env bash
# Started by run.sh in namespaces of its own: steps.sh BARE WORK TALLY
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bare=$1 work=$2 tally=$3
machine=$work/machine
trap 'exit 130' INT TERM
source scripts/setup.sh
passed=0 failed=0

# start_machine USER: a copy of the bare system, with a clone in that user's home.
start_machine() {
  user=$1 home=/root
  if [ -d "$machine" ]; then umount -R "$machine/proc" "$machine/dev/shm" "$machine/srv/archives"; fi
  rm -rf "$machine"
  cp -a "$bare" "$machine"
  mkdir -p "$machine/srv/archives" "$machine/dev/shm"
  mount --bind "$work/archives" "$machine/srv/archives"
  mount -t proc proc "$machine/proc"
  mount -t tmpfs tmpfs "$machine/dev/shm"
  if [ "$user" != root ]; then
    home=/home/$user
    chroot "$machine" useradd --create-home "$user"
  fi
  mkdir "$machine$home/nasion"
  tar --exclude=./build* --exclude=./out --exclude=./runs --exclude=./.git -c . | tar -x -C "$machine$home/nasion"
  chroot "$machine" chown -R "$user:" "$home"
}

# as USER COMMAND: in that user's home, with as little around as after a login.
as() {
  local name
  local environment=("HOME=$([ "$1" = root ] && echo /root || echo "/home/$1")" "USER=$1" TERM=dumb LANG=C.UTF-8
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
  for name in http_proxy https_proxy no_proxy; do environment+=("$name=${!name:-}"); done
  chroot --userspec="$1:$1" "$machine" /usr/bin/env -i "${environment[@]}" bash -c 'cd && eval "$1"' bash "$2" < /dev/null
}

# step NAME COMMAND...: one that counts.
step() {
  local started=$SECONDS name=$1
  log=$work/logs/$user-${name//[^a-z0-9]/-}.log
  shift
  if "$@" > "$log" 2>&1; then
    passed=$((passed + 1)) result=ok
  else
    failed=$((failed + 1)) result=FAILED
    tail -n 40 "$log" | sed 's/^/    /'
  fi
  printf '%-6s %3d s  %s: %s\n' "$result" $((SECONDS - started)) "$user" "$name"
}

# with_administrator COMMAND: who is not root is told what to ask root for, and then it works.
with_administrator() {
  local said advice
  if [ "$user" != root ]; then
    said=$(as "$user" "$1" 2>&1) && { echo "nothing was missing, though nothing is there"; return 1; }
    echo "$said"
    advice=$(grep -m 1 '^  apt-get ' <<< "$said") || return 1
    as root "$advice" || return 1
  fi
  as "$user" "$1"
}

demo() {
  with_administrator "nasion/scripts/demo.sh --epochs 2" && test -s "$machine$home/nasion/out/part1/report.html"
}

# One test file with the smallest of suites.
tests() {
  with_administrator "NASION_TEST_FILES='test_shape[.]cpp' nasion/scripts/test.sh baseline" && grep -Eq '^[1-9][0-9]* passed, 0 failed' "$log"
}

# page NAME [SED EXPRESSION...]: its commands, beside the clone, in a folder of its own unless it is the README.
page() {
  local name=$1 folder=$1
  shift
  [ "$name" != README ] || folder=nasion
  mkdir -p "$machine$home/$folder"
  cp -r "$work/pages/$name/." "$machine$home/$folder"
  sed -E "$@" "$work/pages/$name.sh" > "$machine$home/$name.sh"
  chroot "$machine" chown -R "$user:" "$home/$folder"
  as root "$(cat "$work/pages/$name.root.sh")" && as "$user" "cd $folder && bash ../$name.sh"
}

# To the letter, but for what takes an hour or needs photos: one epoch each, on the faces that the demo has drawn; and
# after one epoch, no face is found without a hint.
programs() {
  as "$user" "mkdir -p nasion/build/release/examples && cd nasion/build/release/examples &&
    ln -sfn ../../../out/part1/synthetic_faces imm_face_db && cp imm_face_db/01-1?.jpg photo.jpg" || return 1
  page README -e 's/ --data 300w//' -e 's/^(\.\/part[^#]*)/\1 --data imm_face_db --epochs 1 /' \
    -e 's/^(\.\/predict[^#]*)/\1 --box 200,100,240,280 /'
}

# What the README tells to install is what the scripts install.
packages_named() {
  local package
  for package in "${program_packages[@]}"; do
    grep -qw -- "$package" "$work/pages/README.root.sh" || { echo "README: $package is not named"; return 1; }
  done
}

has_no_mpi() { ! as root "command -v mpiexec"; }

rm -rf "$work/pages"
python3 tests/docs/blocks.py commands README.md --section "The programs" --out "$work/pages"
python3 tests/docs/blocks.py commands docs/quickstart.md docs/tutorial.md --out "$work/pages"

start_machine root
step "README names the packages" packages_named
step "the demo" demo
step "quickstart" page quickstart -e ''
step "tutorial" page tutorial -e ''
step "the programs" programs
step "no MPI came along" has_no_mpi
step "tests" tests

# What the first machine has shown at full optimisation, the second shows in half the time; of the programs, the demo's is
# the one that differs with MPI.
start_machine stranger
as root "apt-get update && apt-get install ${mpi_packages[*]}" > "$work/logs/mpi.log" 2>&1
printf '#!/bin/sh\nexec /usr/bin/c++ "$@" -O1\n' > "$machine/usr/local/bin/c++"
chmod +x "$machine/usr/local/bin/c++"
step "the demo" demo
step "quickstart" page quickstart -e ''
step "tutorial" page tutorial -e ''
step "tests" tests

echo "$passed $failed 0" > "$tally"
[ "$failed" = 0 ]
