# shellcheck shell=bash
# Sourced by demo.sh, docs.sh, fuzz.sh and test.sh: installs missing Debian packages, finds the generator.

program_packages=(g++ make cmake ninja-build pkg-config libstb-dev libjpeg-dev libpng-dev nlohmann-json3-dev
                  libpugixml-dev libcli11-dev gnuplot-nox fonts-dejavu-core)
mpi_packages=(libopenmpi-dev openmpi-bin)  # several processes; everything works without them
test_packages=(libeigen3-dev libzip-dev libdlpack-dev libprotozero-dev catch2)
clang_packages=(clang libclang-rt-dev libomp-dev)
libcxx_packages=(libc++-dev libc++abi-dev)
arm_packages=(g++-aarch64-linux-gnu qemu-user)
windows_packages=(g++-mingw-w64-x86-64-posix g++-mingw-w64-i686-posix wine64)
docs_packages=(mkdocs mkdocs-material doxygen)
fresh_packages=(debootstrap)

note() { printf '\n== %s\n' "$*"; }

is_installed() { [[ "$(dpkg-query -W -f='${db:Status-Status} ' "$1" 2>/dev/null)" == *installed* ]]; }

# install_packages NAME...: asks apt only for what is missing.
install_packages() {
  local package missing=()
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "Not a Debian system: these packages, or what they are called here, must be there already: $*"
    return
  fi
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  note "Installing ${missing[*]}"
  local root=() install=(apt-get install -q -y --no-install-recommends "${missing[@]}")
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
      echo "cannot install packages: neither root nor sudo. Ask an administrator to run:" >&2
      echo "  apt-get update -q && ${install[*]}" >&2
      return 1
    }
    root=(sudo)
  fi
  "${root[@]}" apt-get update -q
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}"
}

# configure PRESET [cmake arguments]: with Ninja when it is there.
configure() {
  if [ ! -f "build/$1/CMakeCache.txt" ] && command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi
  cmake --preset "$@"
}

cores() { nproc 2>/dev/null || echo 2; }

# Sanitizers of this age do not find room for their shadow memory where recent kernels randomise more bits.
without_address_randomisation() {
  if setarch "$(uname -m)" -R true 2>/dev/null; then setarch "$(uname -m)" -R "$@"; else "$@"; fi
}
