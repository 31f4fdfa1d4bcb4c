#!/usr/bin/env bash
# scripts/bench.sh [NAME] [ARGS]: builds the release and runs a bench; called by ./dev bench.
#   (none)   all micro benchmarks        NAME   bench/NAME_bench.cc
#   router   routes at growing tables, next to other routers (bench/router/run.py)
#   check    figures that must not get worse, against bench/baseline.json (bench/check.py)
#   proxy    whole requests through proxyd and its peers (bench/proxy/run.py); proxy --help lists its options
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

release="build/release"

compile() {  # targets...
  cmake --preset release --log-level=WARNING -DINGRESS_BUILD_BENCH=ON >/dev/null
  cmake --build "$release" --parallel "$(nproc)" --target "$@"
}

run_micro() {  # [name [args]]
  scripts/setup.sh build test
  compile benches
  local programs=("$release"/bin/*_bench)
  if [[ $# -gt 0 ]]; then
    programs=("$release/bin/$1_bench")
    shift
  fi
  for program in "${programs[@]}"; do "$program" "$@"; done
}

case "${1:-}" in
  proxy)
    scripts/setup.sh build test bench
    compile proxyd bench_programs
    exec /usr/bin/python3 bench/proxy/run.py "${@:2}"
    ;;
  check)
    scripts/setup.sh build test bench
    compile proxyd bench_programs router_bench
    exec /usr/bin/python3 bench/check.py "${@:2}"
    ;;
  router)
    scripts/setup.sh build test
    compile router_bench
    exec bench/router/run.py "${@:2}"
    ;;
  *) run_micro "$@" ;;
esac
