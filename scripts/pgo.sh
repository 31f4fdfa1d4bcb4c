#!/usr/bin/env bash
# scripts/pgo.sh: builds proxyd twice; the second time by what the first one did under the loads of the bench.
# Called by ./dev build --pgo; prints the path of the daemon last. What it gains: docs/performance.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build="build/pgo"
rows="1k,64k,new,post,routes"  # what is common; no row for itself

compile() {  # phase targets...
  cmake --preset pgo --log-level=WARNING -DINGRESS_BUILD_BENCH=ON -DINGRESS_PGO="$1" >/dev/null
  cmake --build "$build" --parallel "$(nproc)" --target "${@:2}"
}

compile generate proxyd bench_programs
find "$build" -name '*.gcda' -delete
/usr/bin/python3 bench/proxy/run.py --build "$build" --rounds 3 --rows "$rows" --columns time --peers proxyd
compile use proxyd
echo "$PWD/$build/bin/proxyd"
