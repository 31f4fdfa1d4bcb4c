#!/usr/bin/env bash
# A real API server with etcd and Kubernetes' own controllers, and proxyd, in a network namespace of their own.
#   cluster.sh demo                    until Ctrl-C: a cluster, proxyd in it and example objects; prints what to do
#   cluster.sh test [PYTEST ARGS]      the tests in tests/cluster on a fresh cluster
#   cluster.sh build                   compile the lab and run its own tests
#   cluster.sh exec COMMAND...         run a command inside of the demo's namespace, as administrator of its cluster
# Called by ./dev, which builds proxyd first. INGRESS_BIN_DIR names the folder of its programs (default: the release
# build), PROXYD_CLUSTER_DIR that of the lab. What the machine lacks is said, and then the exit status is 0.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
self="$root/scripts/cluster.sh"
lab="$root/tests/cluster/lab"
dir="${PROXYD_CLUSTER_DIR:-$root/build/cluster}"
export INGRESS_BIN_DIR="${INGRESS_BIN_DIR:-$root/build/release/bin}"

# All addresses of these can be bound and reached inside: the node, Pods, Services, and what is published of proxyd.
ranges="10.240.0.0/16 10.244.0.0/16 10.96.0.0/16 10.250.0.0/16"

skip() {
  echo "cluster: skipped: $1" >&2
  exit 0
}

# A new network namespace; who is not root gets one with a user namespace, where the kernel allows it.
if [[ $(id -u) -eq 0 ]]; then
  enter=(unshare --net)
else
  enter=(unshare --user --map-root-user --net)
fi

check_machine() {
  PATH="$PATH:/usr/local/go/bin"
  command -v go >/dev/null || skip "needs Go 1.26 in PATH or /usr/local/go (https://go.dev/dl)"
  # Later toolchains fetch the one that go.mod names; those before 1.21 do not know how.
  (cd "$lab" && go env GOVERSION >/dev/null 2>&1) || skip "$(cd "$lab" && go version) is too old: needs Go 1.26 (https://go.dev/dl)"
  command -v ip >/dev/null || skip "needs the command ip (Debian: iproute2)"
  python="$(for each in python3 /usr/bin/python3; do "$each" -c 'import pytest' 2>/dev/null && echo "$each" && break; done)" ||
    skip "needs pytest for Python 3 (./dev setup test)"
  "${enter[@]}" true 2>/dev/null || skip "needs the right to make a network namespace: root, or user namespaces"
}

# Only what the network is to blame for is no failure.
fetch_modules() {
  local errors
  errors="$(cd "$lab" && go list -deps . 2>&1 >/dev/null)" && return
  grep -qE 'dial tcp|no such host|i/o timeout|connection refused' <<<"$errors" && skip "cannot fetch Go modules: $errors"
  echo "$errors" >&2
  exit 1
}

build_lab() {
  mkdir -p "$dir/bin"
  fetch_modules
  cd "$lab"
  local release version=k8s.io/component-base/version
  release="$(go list -m -f '{{.Version}}' k8s.io/kubernetes)"
  go build -o "$dir/bin/kubelab" -ldflags "-s -w -X $version.gitVersion=$release -X $version.gitMajor=1 \
    -X $version.gitMinor=$(cut -d. -f2 <<<"$release")" .
  cd "$root"
}

# Runs in the namespace: a cluster in folder $1 and the rest as a command, with which everything ends.
inside() {
  local state="$1"
  shift
  ip link set lo up
  for range in $ranges; do ip route add local "$range" dev lo; done
  rm -rf "$state"
  mkdir -p "$state"
  "$dir/bin/kubelab" up --dir "$state" >"$state/kubelab.log" 2>&1 </dev/null &
  lab_pid=$!  # not local: the trap outlives this function
  trap 'kill "$lab_pid" 2>/dev/null || true; wait "$lab_pid" || true' EXIT
  trap 'exit 130' INT TERM
  echo $$ >"$state/pid"
  until [[ -e $state/ready ]]; do
    kill -0 "$lab_pid" 2>/dev/null || { cat "$state/kubelab.log" >&2; exit 1; }
    sleep 0.1
  done
  KUBELAB="$dir/bin/kubelab" KUBELAB_STATE="$state" KUBECONFIG="$state/admin.kubeconfig" "$@"
}

# One at a time: folder $1 is held until the command ends.
alone() {
  mkdir -p "$dir"
  exec 9>"$dir/$1.lock"
  flock --nonblock 9 || { echo "cluster: another one uses $dir/$1" >&2; exit 1; }
  "${enter[@]}" bash "$self" inside "$dir/$1" "${@:2}"
}

run_in_demo() {
  [[ -e $dir/demo/pid ]] || { echo "cluster: none runs: ./dev cluster" >&2; exit 1; }
  local target rights=()
  target="$(cat "$dir/demo/pid")"
  [[ $(id -u) -eq 0 ]] || rights=(--user --preserve-credentials)
  KUBECONFIG="$dir/demo/admin.kubeconfig" exec nsenter --target "$target" --net "${rights[@]}" "$@"
}

command="${1:-}"
[[ $# -gt 0 ]] && shift
case "$command" in
  build)
    check_machine
    build_lab
    cd "$lab" && go vet ./... && go test ./...
    ;;
  test)
    check_machine
    build_lab
    cd "$root/tests/cluster"
    alone test "$python" -m pytest -q --tb=short -p no:cacheprovider "$@"
    ;;
  demo)
    check_machine
    build_lab
    alone demo "$python" "$root/tests/cluster/demo.py"
    ;;
  exec) run_in_demo "$@" ;;
  inside) inside "$@" ;;
  *)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$self" | sed '$d' >&2
    exit 2
    ;;
esac
