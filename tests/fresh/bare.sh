#!/usr/bin/env bash
# bare.sh WORK: prints the folder of a bare Debian from the machine's own apt sources, proxies included, which is made once
# for each state of them.
set -euo pipefail
work=$1
# What it has of this machine: where packages come from, and how names are resolved.
machine_files=(/etc/apt /usr/share/keyrings /etc/resolv.conf /etc/hosts)

key=$({ cat /etc/os-release "$0"; apt-get indextargets; find /etc/apt -type f -exec sha256sum {} +; } | sha256sum | cut -c1-12)
bare=$work/bare-$key
if [ -d "$bare" ]; then
  echo "$bare"
  exit
fi

# proxy SCHEME: the one that apt uses.
proxy() {
  local proxy=
  eval "$(apt-config shell proxy "Acquire::$1::Proxy")"
  echo "$proxy"
}

release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
source=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
  awk -v release="$release" '$1 == release && $2 == "main" { print $3; exit }')
include=()
if [[ $source == https:* ]]; then include=(--include=ca-certificates); fi
echo "making a bare $release from $source" >&2
rm -rf "$work"/bare-*
root=$work/bare-tmp
http_proxy=${http_proxy:-$(proxy http)} https_proxy=${https_proxy:-$(proxy https)} \
  setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child debootstrap --variant=minbase "${include[@]}" \
  --cache-dir="$work/archives" "$release" "$root" "$source" > "$work/logs/debootstrap.log" 2>&1

rm -rf "$root/etc/apt" "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/archives/*.deb
cp -a --dereference --parents "${machine_files[@]}" "$root"
# Archives are kept, even where this machine's settings throw them away; nobody sits at the keyboard.
cat > "$root/etc/apt/apt.conf.d/zz-fresh" <<'CONF'
Dir::Cache::archives "/srv/archives";
APT::Get::Assume-Yes "true";
DPkg::Options { "--force-unsafe-io"; };
CONF
mv "$root" "$bare"
echo "$bare"
