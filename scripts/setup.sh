#!/usr/bin/env bash
# scripts/setup.sh [group...]: installs the Debian packages that are missing, and says which.
# Groups are those of packages.txt; none = build test tools. Does nothing, quietly, when all are there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

groups="${*:-build test tools}"
wanted=()
while read -r group package program; do
  [[ " $groups " == *" $group "* ]] || continue
  [[ -n $program ]] && command -v "$program" >/dev/null || wanted+=("$package")
done < <(sed -e 's/#.*//' -e '/^\s*$/d' packages.txt)
if [[ ${#wanted[@]} -eq 0 ]]; then
  echo "setup: no such group of packages: $groups" >&2
  exit 2
fi
if ! command -v dpkg-query >/dev/null; then
  echo "setup: not a Debian system; the needed libraries are those of scripts/packages.txt" >&2
  exit 0
fi

missing=()
for package in "${wanted[@]}"; do
  state="$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)"
  [[ $state == installed* ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

as_root=()
[[ $EUID -eq 0 ]] || as_root=(sudo)
echo "setup: installing ${missing[*]}"
# The tests start nginx themselves, on loopback: its package must not start one on port 80 (policy-rc.d(8)).
if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c '
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap "rm -f $policy" EXIT
    printf "#!/bin/sh\nexit 101\n" >"$policy" && chmod +x "$policy"
  fi
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"' sh "${missing[@]}" </dev/null >&2; then
  echo "setup: failed; install by hand: apt-get install ${missing[*]}" >&2
  exit 1
fi
